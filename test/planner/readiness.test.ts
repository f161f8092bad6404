/** Which hosts get the attribute `daemons.ready`, which lose it, and where nothing is known. */
import { describe, expect, test } from 'vitest';
import type { Instance, Task } from '../../src/domain/facts.ts';
import { as, type InstanceArn, type Revision } from '../../src/domain/ids.ts';
import type { RequiredEnvironment } from '../../src/domain/required.ts';
import { planReadiness } from '../../src/planner/readiness.ts';
import { daemon, definitionOf, factsOf, hostArn, hostOf, LISTED, revision, taskOf } from './readiness-fixtures.ts';

const LATER = as<Revision>(LISTED + 1);
const COMPLETE = 'true';

/** What becomes of host 1, which is as `host` says, once without the mark and once with it. */
function outcome(
  required: readonly RequiredEnvironment[],
  tasks: readonly Task[],
  host: Partial<Instance> = {},
): string {
  const decide = (ready?: string) => {
    const facts = factsOf([hostOf(1, host, ready)], tasks);
    return planReadiness({ facts, required, last: false, written: new Map() });
  };
  const bare = decide();
  const marked = decide(COMPLETE);
  // A mark is set where it is missing, and taken away where it is there: nothing else is ever planned.
  expect([bare.unset, marked.set]).toEqual([[], []]);
  if (bare.set.length + marked.unset.length === 2) throw new Error('both ready and not ready');
  return bare.set.length === 1 ? 'ready' : marked.unset.length === 1 ? 'not ready' : 'left alone';
}

const AGENT = daemon('agent');
const LOGS = daemon('logs');
const CHECKED = daemon('agent', { deployed: { healthCheck: true } });
const ADOPTS = { adopt: { kind: 'family', value: 'old' } } as const;
const OLD = taskOf('old', 1, { group: 'family:old', startedBy: 'somebody' });

describe('a host with one required environment', () => {
  test.each<[string, readonly RequiredEnvironment[], readonly Task[], string]>([
    ['no task', [AGENT], [], 'not ready'],
    ['a running task', [AGENT], [taskOf('agent', 1)], 'ready'],
    ['a task that starts', [AGENT], [taskOf('agent', 1, { lastStatus: 'PENDING' })], 'not ready'],
    ['a task that is to stop', [AGENT], [taskOf('agent', 1, { desiredStatus: 'STOPPED' })], 'not ready'],
    ['a stopped task', [AGENT], [taskOf('agent', 1, { lastStatus: 'STOPPED', desiredStatus: 'STOPPED' })], 'not ready'],
    ['a task on another host', [AGENT], [taskOf('agent', 2)], 'not ready'],
    ['a task of another environment', [AGENT], [taskOf('logs', 1)], 'not ready'],
    [
      'a second task that runs beside one that ends',
      [AGENT],
      [taskOf('agent', 1, { desiredStatus: 'STOPPED' }), taskOf('agent', 1)],
      'ready',
    ],
    [
      'an unhealthy task, though no check is known',
      [AGENT],
      [taskOf('agent', 1, { health: 'UNHEALTHY' })],
      'not ready',
    ],
    ['a checked task that has not answered', [CHECKED], [taskOf('agent', 1)], 'not ready'],
    ['a checked task that is healthy', [CHECKED], [taskOf('agent', 1, { health: 'HEALTHY' })], 'ready'],
    ['a checked task that is unhealthy', [CHECKED], [taskOf('agent', 1, { health: 'UNHEALTHY' })], 'not ready'],
  ])('%s', (_, required, tasks, expected) => {
    expect(outcome(required, tasks)).toBe(expected);
  });

  test.each<[string, Partial<Instance>, string]>([
    ['ACTIVE', {}, 'ready'],
    ['DRAINING', { status: 'DRAINING' }, 'ready'],
    ['REGISTERING', { status: 'REGISTERING' }, 'left alone'],
    ['INACTIVE', { status: 'INACTIVE' }, 'left alone'],
    ['without its agent', { agentConnected: false }, 'not ready'],
    ['seen without any attribute', { attributes: new Map() }, 'left alone'],
  ])('with a running task, %s', (_, host, expected) => {
    expect(outcome([AGENT], [taskOf('agent', 1)], host)).toBe(expected);
  });
});

describe('whether a task has a health check is said by the revision it runs', () => {
  const before = revision('agent', { taskDefinition: definitionOf('agent', 1) });
  const rollout = daemon('agent', {
    deployed: { taskDefinition: definitionOf('agent', 2), healthCheck: true },
    revisions: [before],
  });
  const takenBack = daemon('agent', {
    deployed: { taskDefinition: definitionOf('agent', 1) },
    revisions: [revision('agent', { taskDefinition: definitionOf('agent', 2), healthCheck: true })],
  });
  test.each<[string, RequiredEnvironment, number, string]>([
    ['a host the rollout has not reached stays ready', rollout, 1, 'ready'],
    ['a host it has reached waits for the check', rollout, 2, 'not ready'],
    ['a task of a kept revision with a check waits for it', takenBack, 2, 'not ready'],
    ['a task of a revision nobody kept has none', rollout, 7, 'ready'],
  ])('%s', (_, required, n, expected) => {
    expect(outcome([required], [taskOf('agent', 1, { taskDefinition: definitionOf('agent', n) })])).toBe(expected);
  });
});

describe('which environments a host waits for', () => {
  const linux = daemon('agent', { deployed: { query: 'attribute:ecs.os-type == linux' } });
  const windows = daemon('agent', { deployed: { query: 'attribute:ecs.os-type == windows' } });
  const strange = daemon('agent', { deployed: { query: 'attribute:' } });
  const excluded = daemon('agent', { spec: { excluded: [hostArn(1)] } });
  test.each<[string, readonly RequiredEnvironment[], readonly Task[], string]>([
    ['none: it is not ready, as nobody says so', [], [], 'not ready'],
    ['all of them', [AGENT, LOGS], [taskOf('agent', 1)], 'not ready'],
    ['all of them are there', [AGENT, LOGS], [taskOf('agent', 1), taskOf('logs', 1)], 'ready'],
    ['one that its query matches', [linux], [], 'not ready'],
    ['none: the query does not match it', [windows], [taskOf('agent', 1)], 'not ready'],
    ['the other one: the query does not match it', [windows, LOGS], [taskOf('logs', 1)], 'ready'],
    ['the other one: it is excluded from this', [excluded, LOGS], [taskOf('logs', 1)], 'ready'],
    ['none: it is excluded from the only one', [excluded], [taskOf('agent', 1)], 'not ready'],
    ['nobody knows: the query cannot be read', [strange, LOGS], [taskOf('logs', 1)], 'left alone'],
    ['at least the other one, whatever the query says', [strange, LOGS], [], 'not ready'],
  ])('%s', (_, required, tasks, expected) => {
    expect(outcome(required, tasks)).toBe(expected);
  });

  test('the query is the deployed one, not that of the next deployment', () => {
    const patched = daemon('agent', {
      spec: { revision: revision('agent', { query: 'attribute:ecs.os-type == linux' }) },
      deployed: { query: 'attribute:ecs.os-type == windows' },
    });
    expect(outcome([patched, LOGS], [taskOf('logs', 1)])).toBe('ready');
  });
});

describe('tasks that something else started', () => {
  test('count where they are adopted', () => {
    expect(outcome([daemon('agent', { spec: ADOPTS })], [OLD])).toBe('ready');
    expect(outcome([AGENT], [OLD])).toBe('not ready');
  });

  test('M2: a listing older than the selector cannot tell that there is none', () => {
    const since = daemon('agent', { spec: ADOPTS, modified: LATER });
    expect(outcome([since], [])).toBe('left alone');
    expect(outcome([since], [], { agentConnected: false })).toBe('not ready');
    expect(outcome([since], [taskOf('agent', 1)])).toBe('ready');
    expect(outcome([daemon('agent', { modified: LATER })], [])).toBe('not ready');
  });
});

describe('what a host has already', () => {
  const decide = (
    ready: string | null | undefined,
    tasks: readonly Task[],
    written: ReadonlyMap<InstanceArn, boolean> = new Map(),
  ) => planReadiness({ facts: factsOf([hostOf(1, {}, ready)], tasks), required: [AGENT], last: false, written });
  const RUNS = [taskOf('agent', 1)];
  const wrote = (set: boolean) => new Map([[hostArn(1), set]]);

  test('is not written again', () => {
    expect(decide('true', RUNS)).toEqual({ set: [], unset: [] });
    expect(decide(undefined, [])).toEqual({ set: [], unset: [] });
  });

  test('with another value is no mark, and goes like one', () => {
    expect(decide('yes', RUNS)).toEqual({ set: [hostArn(1)], unset: [] });
    expect(decide(null, [])).toEqual({ set: [], unset: [hostArn(1)] });
  });

  test('is what was written since, whatever the listing still shows', () => {
    expect(decide(undefined, RUNS, wrote(true))).toEqual({ set: [], unset: [] });
    expect(decide(undefined, [], wrote(true))).toEqual({ set: [], unset: [hostArn(1)] });
    expect(decide('true', [], wrote(false))).toEqual({ set: [], unset: [] });
    expect(decide('true', RUNS, wrote(false))).toEqual({ set: [hostArn(1)], unset: [] });
  });
});

test('a cluster that nobody watches any more loses all marks, also those its last listing does not show', () => {
  const facts = factsOf([hostOf(1, {}, 'true'), hostOf(2), hostOf(3, { status: 'INACTIVE' }), hostOf(4)], []);
  const written = new Map([[hostArn(4), false]]);
  expect(planReadiness({ facts, required: [], last: true, written })).toEqual({
    set: [],
    unset: [hostArn(1), hostArn(2)],
  });
});
