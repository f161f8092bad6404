/** Rollouts played through: what is foretold of hosts, calls and the end. That it comes true is shown in test/system. */
import { describe, expect, test } from 'vitest';
import type { AlarmState } from '../../src/domain/facts.ts';
import type { Revision } from '../../src/domain/ids.ts';
import type { DeploymentConfiguration } from '../../src/domain/revision.ts';
import { ago, definition, facts, host, instance, REVISION, slot, task, vacant } from '../planner/fixtures.ts';
import { range, rolling, taken } from '../planner/rollout-scenes.ts';
import { deedsOf, foretell, NEEDS, onHost, ROOM } from './scenes.ts';

const capacities = (hosts: number, special: ReadonlyMap<number, Partial<typeof ROOM>> = new Map()) =>
  new Map(range(hosts).map((n) => [host(n), { ...ROOM, ...special.get(n) }]));
const needs = (old: Partial<typeof NEEDS>, next: Partial<typeof NEEDS>) =>
  new Map([
    [definition(1), { ...NEEDS, ...old }],
    [definition(2), { ...NEEDS, ...next }],
  ]);
const unbegun = (hosts: number, configuration: Partial<DeploymentConfiguration> = {}) =>
  rolling(hosts, { progress: null, configuration });
const all = (hosts: number, deeds: string): readonly string[] => range(hosts).map(() => deeds);

describe('a rollout', () => {
  test('replaces every task once, as many at a time as may be, and waits for each to run', () => {
    const told = foretell(unbegun(10, { maxUnavailable: 3 }));
    expect(told).toMatchObject({ ending: 'completed', calls: { runTask: 4, stopTask: 10 }, budgetSeconds: 0 });
    expect(deedsOf(told)).toEqual(all(10, 'replace 1/1'));
    expect(told.waitSeconds).toBeGreaterThan(0);
  });

  test('that has nothing to do says so', () => {
    const told = foretell(rolling(2, { progress: null, deployment: { template: slot(1).task?.template ?? never() } }));
    expect(told).toMatchObject({ ending: 'nothing-to-do', calls: { runTask: 0, stopTask: 0 } });
    expect(deedsOf(told)).toEqual(all(2, 'none 0/0'));
    expect(onHost(told, 1)?.reason).toBeNull();
  });

  test('of a paused or frozen environment is paused', () => {
    const orders = { paused: true, resumes: 0, promoted: 0, cancelled: false };
    expect(foretell(rolling(2, { progress: null, spec: { orders } }))).toMatchObject({ ending: 'paused' });
    const frozen = foretell(rolling(2, { progress: null, spec: { frozen: true } }));
    expect(frozen).toMatchObject({ ending: 'paused', calls: { runTask: 0, stopTask: 0 } });
    expect(onHost(frozen, 1)).toMatchObject({ action: 'none', reason: 'the environment is frozen' });
  });

  test('takes the time that readiness and bakes take', () => {
    const waves = [{ of: { kind: 'canary', hosts: 1 }, promote: 'auto', bakeMinutes: 5 }] as const;
    const told = foretell(unbegun(2, { waves, minReadySeconds: 60 }));
    expect(told.ending).toBe('completed');
    expect(told.waitSeconds).toBeGreaterThanOrEqual(5 * 60 + 2 * 60);
    // And what polls of at most ten seconds add to each of them.
    expect(told.waitSeconds).toBeLessThan(5 * 60 + 2 * 60 + 3 * 10);
  });

  test('counts the calls that the bucket lets through at once', () => {
    const told = foretell(unbegun(140, { maxUnavailable: '100%' }));
    expect(told.calls).toEqual({ runTask: 14, stopTask: 140 });
    expect(told.budgetSeconds).toBe(Math.ceil(54 / 40));
    const half = { callLimits: { burst: 50, perSecond: 20 } };
    expect(foretell(unbegun(140, { maxUnavailable: '100%' }), half).budgetSeconds).toBe(Math.ceil(104 / 20));
  });

  test('leaves a disconnected host and one that drains behind others', () => {
    const away = instance(2, { agentConnected: false });
    const draining = instance(3, { status: 'DRAINING', foreignTasks: 1 });
    const told = foretell(rolling(3, { progress: null, instances: [away, draining] }));
    expect(told.ending).toBe('completed');
    expect(deedsOf(told)).toEqual(['replace 1/1', 'none 0/0', 'none 0/0']);
    expect(onHost(told, 2)?.reason).toMatch(/disconnected/);
    expect(onHost(told, 3)?.reason).toMatch(/drains/);
  });
});

describe('a wave that a person promotes', () => {
  const waves = [{ of: { kind: 'canary', hosts: 1 }, promote: 'manual', bakeMinutes: 0 }] as const;

  test('counts as promoted at once, and is told', () => {
    const told = foretell(unbegun(3, { waves }));
    expect(told).toMatchObject({ ending: 'completed', manualWaves: ['canary of 1'] });
    expect(deedsOf(told)).toEqual(all(3, 'replace 1/1'));
    expect(told.hosts.map(({ wave }) => wave)).toEqual(['canary of 1', 'the rest', 'the rest']);
  });

  test('does not let other things ripen: a drain that has ten minutes is not over by then', () => {
    const draining = instance(3, { status: 'DRAINING', foreignTasks: 1 });
    const told = foretell(rolling(3, { progress: null, configuration: { waves }, instances: [draining] }));
    expect(onHost(told, 3)).toMatchObject({ action: 'none', stops: 0 });
    expect(told.waitSeconds).toBeLessThan(60);
  });
});

describe('a host without room', () => {
  const cases = [
    ['RESOURCE:CPU', { cpu: 0 }, { cpu: 101 }],
    ['RESOURCE:MEMORY', { memory: 0 }, { memory: 101 }],
    ['RESOURCE:GPU', {}, { gpus: 1 }],
    ['RESOURCE:PORTS', { tcpPortsTaken: new Set([80]) }, { tcpPorts: [80] }],
    ['ATTRIBUTE', {}, { attributes: [{ name: 'fpga', value: null }] }],
  ] as const;

  test.each(cases)('fails: %s, and the others are updated', (reason, room, next) => {
    const fitting = { gpus: 1, attributes: new Map([['fpga', null]]) };
    const special = new Map(range(3).map((n) => [n, n === 2 ? room : fitting]));
    const scene = unbegun(3, { maxUnavailable: '100%', failures: 200 });
    const told = foretell(scene, { capacities: capacities(3, special), needs: needs({}, next) });
    expect(told.ending).toBe('completed');
    expect(deedsOf(told)).toEqual(['replace 1/1', 'fail 0/1', 'replace 1/1']);
    expect(onHost(told, 2)?.reason).toBe(reason);
    // Three attempts, one of them with the others.
    expect(told.calls).toEqual({ runTask: 3, stopTask: 3 });
  });

  test('has it once the old task is gone, whose ports are free then too', () => {
    const scene = unbegun(1);
    const full = new Map([[1, { cpu: 10, memory: 10, tcpPortsTaken: new Set([80]) }]]);
    const own = { tcpPorts: [80] };
    const parts = { capacities: capacities(1, full), needs: needs(own, { ...own, cpu: 110, memory: 110 }) };
    expect(deedsOf(foretell(scene, parts))).toEqual(['replace 1/1']);
  });

  test('trips the breaker, and everybody gets back what he had', () => {
    const waves = [{ of: { kind: 'canary', hosts: 1 }, promote: 'auto', bakeMinutes: 0 }] as const;
    const tight = new Map(range(3).map((n) => [n, { cpu: 0 }]));
    const parts = { capacities: capacities(3, tight), needs: needs({}, { cpu: 101 }) };
    const told = foretell(unbegun(3, { waves, failures: 3 }), parts);
    expect(told.ending).toBe('failed');
    expect(deedsOf(told)).toEqual(['replace 1/1', 'none 0/0', 'none 0/0']);
    const paused = foretell(unbegun(3, { waves, failures: 3, rollback: 'pause' }), parts);
    expect(paused.ending).toBe('paused');
  });

  test('is not known to be one as long as nobody has told its capacity', () => {
    expect(deedsOf(foretell(unbegun(1), { needs: needs({}, { cpu: 9_999 }) }))).toEqual(['replace 1/1']);
  });
});

describe('alarms and definitions', () => {
  const alarmed = (state: AlarmState) =>
    foretell(unbegun(2, { alarms: ['errors'] }), { alarms: new Map([['errors', state]]) });

  test('an alarm that fires already is ignored, one that does not exist is not', () => {
    expect(alarmed('OK').ending).toBe('completed');
    expect(alarmed('ALARM').ending).toBe('completed');
    expect(alarmed('MISSING').ending).toBe('failed');
  });

  test('a definition that is not ACTIVE takes no task away', () => {
    const told = foretell(unbegun(2), { inactive: [definition(2)] });
    expect(told.ending).toBe('failed');
    expect(deedsOf(told)).toEqual(all(2, 'none 0/0'));
  });
});

describe('what was written after the listing', () => {
  const listed = (tasks: readonly ReturnType<typeof task>[]) =>
    facts([instance(1), instance(2)], tasks, { revision: (REVISION.written - 1) as Revision });

  test('a task whose end is recorded is not adopted again', () => {
    const scene = rolling(2, { slots: [taken(2)], progress: {} });
    const told = foretell(scene, { facts: listed([task(1), task(2)]) });
    expect(told.ending).toBe('completed');
    expect(onHost(told, 2)).toMatchObject({ launches: 1, stops: 0 });
  });

  test('a task that is recorded and not listed yet runs', () => {
    const told = foretell(unbegun(2), { facts: listed([task(1)]) });
    expect(told.ending).toBe('completed');
    expect(deedsOf(told)).toEqual(all(2, 'replace 1/1'));
  });

  test('a task that ECS is stopping ends, and is not stopped again', () => {
    const stop = { reason: 'update', requestedAt: ago(1), accepted: true } as const;
    const leaving = slot(2, { stop, gapSince: ago(1), vacated: true });
    const told = foretell(rolling(2, { slots: [leaving], progress: {} }), { facts: listed([task(1), task(2)]) });
    expect(told.ending).toBe('completed');
    expect(onHost(told, 2)).toMatchObject({ launches: 1, stops: 0 });
  });

  test('a task of a host that nobody wrote of is adopted, as ever', () => {
    const scene = rolling(1, { slots: [vacant(1)], progress: {} });
    const told = foretell(scene, { facts: facts([instance(1)], [task(1)]) });
    expect(onHost(told, 1)).toMatchObject({ launches: 1, stops: 1 });
  });
});

test('a play changes nothing of what it is given', () => {
  const scene = unbegun(3);
  const before = JSON.stringify(scene);
  foretell(scene);
  expect(JSON.stringify(scene)).toBe(before);
});

function never(): never {
  throw new Error('the fixture has a task');
}
