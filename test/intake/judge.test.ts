/** What observations mean: what is kept, what is asked, who is woken. */
import { describe, expect, test } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { READY_ATTRIBUTE, type Facts, type Instance, type Task } from '../../src/domain/facts.ts';
import { as } from '../../src/domain/ids.ts';
import { judge, type Judgement, type Observation } from '../../src/intake/judge.ts';
import { facts, host, instance, stopped, task, taskArn, world } from '../planner/fixtures.ts';

const spec = (name: string): EnvironmentSpec => ({ ...world().spec.value, id: as(`id of ${name}`), name: as(name) });
const AGENT = spec('agent');
const OTHER = spec('other');

/** Host 1 with a task of each environment, host 2 with one of `agent` alone. */
const known = facts(
  [instance(1, { version: 5 }), instance(2, { version: 5 })],
  [
    task(1, { version: 5 }),
    task(2, { version: 5 }),
    task(11, { instance: host(1), group: 'daemon:other', version: 5 }),
  ],
);

type Kind = Partial<Pick<Observation, 'source' | 'again' | 'stale'>>;
const seen = (sighting: Observation['sighting'], kind: Kind): Observation => ({
  sighting,
  source: 'event',
  again: false,
  stale: false,
  ...kind,
});
const onHost = (instance: Instance, kind: Kind = {}) => seen({ kind: 'instance', instance }, kind);
const onTask = (task: Task, kind: Kind = {}) => seen({ kind: 'task', task }, kind);
const judged = (observations: readonly Observation[], of: Facts | null = known): Judgement =>
  judge(of, observations, [AGENT, OTHER]);
const summary = (observations: readonly Observation[], of: Facts | null = known) => {
  const { store, ask, wakes, survey, verdicts } = judged(observations, of);
  return {
    verdicts,
    stored: store.length,
    asked: ask.map(({ arn, atLeast }) => [arn, atLeast]),
    wakes: Object.fromEntries([...wakes].map(([id, reason]) => [id.slice('id of '.length), reason])),
    survey,
  };
};
const QUIET = { stored: 1, asked: [], wakes: {}, survey: false };
const EVERYONE_JOINS = { agent: 'instance-join', other: 'instance-join' };
const EVERYONE = { agent: 'drift', other: 'drift' };

describe('hosts', () => {
  test('one that joins is kept, and everyone is woken', () => {
    expect(summary([onHost(instance(3))])).toEqual({ ...QUIET, verdicts: ['stored'], wakes: EVERYONE_JOINS });
  });

  test('one that is new and not ready is kept, and nobody is woken', () => {
    expect(summary([onHost(instance(3, { agentConnected: false }))])).toEqual({ ...QUIET, verdicts: ['stored'] });
    expect(summary([onHost(instance(3, { status: 'REGISTERING' }))])).toEqual({ ...QUIET, verdicts: ['stored'] });
  });

  test('J4: one whose resources alone changed is kept, for its version, and nobody is woken', () => {
    expect(summary([onHost(instance(1, { version: 6 }))])).toEqual({ ...QUIET, verdicts: ['stored'] });
  });

  test('J4: an agent that is lost wakes nobody; one that returns wakes those without a task there', () => {
    const lost = instance(2, { version: 6, agentConnected: false });
    expect(summary([onHost(lost)])).toEqual({ ...QUIET, verdicts: ['stored'] });
    const returned = onHost(instance(2, { version: 7 }));
    const verdicts = ['stored', 'stored'];
    expect(summary([onHost(lost), returned])).toEqual({
      ...QUIET,
      stored: 2,
      verdicts,
      wakes: { other: 'instance-join' },
    });
    const draining = facts([instance(2, { version: 5, agentConnected: false, status: 'DRAINING' })], [task(2)]);
    expect(summary([onHost(instance(2, { version: 7, status: 'DRAINING' }))], draining).wakes).toEqual(EVERYONE);
    const dead = facts([instance(2, { version: 5, agentConnected: false })], [stopped(2)]);
    expect(summary([returned], dead).wakes).toEqual(EVERYONE_JOINS);
  });

  test('one that queries see differently now wakes everyone; our own mark on it, and an event that does not tell, nobody', () => {
    const marked = (...pairs: readonly [string, string][]) => new Map([['stack', 'prod'], ...pairs]);
    const of = facts([instance(1, { version: 5, attributes: marked() })], []);
    const event = (changes: Partial<Instance>) => summary([onHost(instance(1, { version: 6, ...changes }))], of).wakes;
    expect(event({ attributes: marked(['stack', 'test']) })).toEqual(EVERYONE);
    expect(event({ attributes: marked(['zone', 'a']) })).toEqual(EVERYONE);
    expect(event({ attributes: marked(), agentVersion: '1.91.0' })).toEqual(EVERYONE);
    expect(event({ attributes: marked() })).toEqual({});
    expect(event({ attributes: marked([READY_ATTRIBUTE, 'true']) })).toEqual({});
    expect(event({ attributes: new Map(), agentVersion: null })).toEqual({});
  });

  test('who is woken for a host that joins is not woken for less', () => {
    const drains = onHost(instance(1, { version: 6, status: 'DRAINING' }));
    expect(summary([onHost(instance(3)), drains]).wakes).toEqual(EVERYONE_JOINS);
  });

  test('a drain wakes everyone, and wants a listing to count what it waits for; its end wakes everyone too', () => {
    const draining = onHost(instance(1, { version: 6, status: 'DRAINING' }));
    expect(summary([draining])).toEqual({ ...QUIET, verdicts: ['stored'], wakes: EVERYONE, survey: true });
    const active = onHost(instance(1, { version: 7 }));
    expect(summary([draining, active]).wakes).toEqual(EVERYONE_JOINS);
  });

  test('J2: an older version is nothing, whatever order they come in', () => {
    const newer = onHost(instance(2, { version: 8 }));
    const older = onHost(instance(2, { version: 7, agentConnected: false }));
    expect(summary([newer, older])).toEqual({ ...QUIET, verdicts: ['stored', 'old'] });
    expect(summary([onHost(instance(2, { version: 5, status: 'DRAINING' }))])).toMatchObject({
      verdicts: ['old'],
      stored: 0,
    });
  });

  test('J1: an end told by an event is asked about, and is not kept; ECS’s own word of it is', () => {
    const gone = instance(1, { version: 6, status: 'INACTIVE', agentConnected: false });
    expect(summary([onHost(gone)])).toEqual({
      ...QUIET,
      stored: 0,
      verdicts: ['asked'],
      asked: [[host(1), 6]],
    });
    expect(summary([onHost(gone, { source: 'ecs' })])).toEqual({ ...QUIET, verdicts: ['stored'], wakes: EVERYONE });
  });
});

describe('tasks', () => {
  test('J1: an end told by an event is asked about, and is not kept; ECS’s own word of it wakes its environment', () => {
    const dead = stopped(1, { version: 6 });
    expect(summary([onTask(dead)])).toEqual({ ...QUIET, stored: 0, verdicts: ['asked'], asked: [[taskArn(1), 6]] });
    expect(summary([onTask(dead, { source: 'ecs' })])).toEqual({
      ...QUIET,
      verdicts: ['stored'],
      wakes: { agent: 'drift' },
    });
  });

  test('one that no listing showed yet is asked about all the same', () => {
    expect(summary([onTask(stopped(9))])).toMatchObject({ asked: [[taskArn(9), 1]] });
  });

  test('J4: of tasks that start, the last one wakes', () => {
    const starting = facts(
      [instance(1), instance(2)],
      [task(1, { lastStatus: 'PENDING' }), task(2, { lastStatus: 'PENDING' })],
    );
    const first = onTask(task(1, { version: 2 }));
    const second = onTask(task(2, { version: 2 }));
    expect(summary([first], starting)).toEqual({ ...QUIET, verdicts: ['stored'] });
    expect(summary([first, second], starting)).toMatchObject({ stored: 2, wakes: { agent: 'drift' } });
    // It was known to run.
    expect(summary([onTask(task(1, { version: 6 }))])).toEqual({ ...QUIET, verdicts: ['stored'] });
  });

  test('one whose health changed wakes its environment; one that does not tell it, nobody', () => {
    const well = facts([instance(1)], [task(1, { health: 'HEALTHY' })]);
    const told = (health: Task['health']) => summary([onTask(task(1, { version: 6, health }))], well).wakes;
    expect([told('UNHEALTHY'), told('HEALTHY'), told('UNKNOWN')]).toEqual([{ agent: 'drift' }, {}, {}]);
    expect(summary([onTask(task(1, { version: 6, health: 'HEALTHY' }))]).wakes).toEqual({ agent: 'drift' });
    // Its first wake-up may be lost.
    expect(summary([onTask(task(1, { health: 'HEALTHY' }), { again: true })], well).wakes).toEqual({ agent: 'drift' });
  });

  test('one that an environment adopts is its own, whatever its group', () => {
    const adopter = { ...AGENT, adopt: { kind: 'service', value: 'web' } } as const;
    const web = task(20, { group: 'service:web', instance: host(1) });
    const of = facts([instance(1)], [], { tasks: new Map([['service:web', [web]]]) });
    const told = (task: Task, kind: Kind = {}) => judge(of, [onTask(task, kind)], [adopter, OTHER]);
    expect(told({ ...web, version: 2 })).toMatchObject({ verdicts: ['stored'] });
    const dead = { ...web, version: 2, lastStatus: 'STOPPED' };
    expect(told(dead)).toMatchObject({ verdicts: ['asked'], ask: [{ arn: web.arn }] });
    expect([...told(dead, { source: 'ecs' }).wakes]).toEqual([[AGENT.id, 'drift']]);
    expect(told(task(21, { group: 'service:api' }))).toMatchObject({ verdicts: ['foreign'] });
  });

  test('a task on its way to its end is kept, and wakes nobody before it is there', () => {
    const stopping = task(1, { version: 6, desiredStatus: 'STOPPED', lastStatus: 'STOPPING' });
    expect(summary([onTask(stopping)])).toEqual({ ...QUIET, verdicts: ['stored'] });
  });

  test('foreign ones are nothing, except that a drain waits for their end', () => {
    const ended = onTask(stopped(20, { group: 'service:web', instance: host(1) }));
    expect(summary([ended])).toEqual({ ...QUIET, stored: 0, verdicts: ['foreign'] });
    const draining = facts([instance(1, { status: 'DRAINING' })], []);
    expect(summary([ended], draining)).toMatchObject({ verdicts: ['foreign'], survey: true });
    const runs = onTask(task(20, { group: 'service:web', instance: host(1) }));
    expect(summary([runs], draining)).toMatchObject({ survey: false });
    expect(summary([onTask(stopped(20, { group: 'daemon:deleted' }))])).toMatchObject({ verdicts: ['foreign'] });
  });
});

describe('what comes again', () => {
  test('J3: wakes as if nothing had been known, as its first wake-up may be lost', () => {
    const joined = facts([instance(3, { version: 7 })], []);
    const again = onHost(instance(3, { version: 6 }), { again: true });
    expect(summary([again], joined)).toMatchObject({ verdicts: ['old'], stored: 0, wakes: EVERYONE_JOINS });
    expect(summary([onHost(instance(3, { version: 6 }))], joined)).toMatchObject({ verdicts: ['old'], wakes: {} });

    const draining = facts([instance(3, { version: 7, status: 'DRAINING' })], []);
    expect(summary([again], draining)).toMatchObject({ wakes: EVERYONE, survey: true });

    const dead = facts([instance(1)], [stopped(1, { version: 6 })]);
    const told = onTask(stopped(1, { version: 6 }), { source: 'ecs', again: true });
    expect(summary([told], dead)).toMatchObject({ verdicts: ['old'], wakes: { agent: 'drift' } });
  });
});

test('what was told late is not kept: a listing is asked for', () => {
  expect(summary([onHost(instance(3), { stale: true }), onTask(task(9), { stale: true })])).toEqual({
    ...QUIET,
    stored: 0,
    verdicts: ['stale', 'stale'],
    survey: true,
  });
});

test('without facts a listing is asked for, and it wakes everyone; what was seen is kept for it', () => {
  expect(summary([onHost(instance(3))], null)).toEqual({ ...QUIET, verdicts: ['stored'], survey: true });
  expect(summary([onTask(stopped(1))], null)).toMatchObject({ asked: [[taskArn(1), 1]], survey: true });
});
