/** What is told of a host: each decision, and how it ended. */
import { describe, expect, test } from 'vitest';
import { HISTORY_KEPT, type HistoryEntry, type Slot } from '../../src/domain/launch.ts';
import { recordChange } from '../../src/planner/history.ts';
import { settle } from '../../src/planner/settle.ts';
import {
  ago,
  changesOf,
  facts,
  host,
  instance,
  launchesIn,
  NOW,
  plan,
  POLICY,
  slot,
  starting,
  stopped,
  task,
  template,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';
import { rolling, updated } from './rollout-scenes.ts';

const told = (changes: ReturnType<typeof changesOf>): readonly HistoryEntry[] =>
  changes.flatMap((change) => (change.kind === 'put-history' ? [change.entry] : []));
const between = (before: Slot | undefined, after: Slot) => told(recordChange(before, after, NOW).changes);
const stop = (reason: NonNullable<Slot['stop']>['reason'], accepted = false) => ({
  stop: { reason, requestedAt: ago(5), accepted },
});
const entry = (saw: string, rule: string, did: string, outcome: string | null = null): HistoryEntry => ({
  at: NOW,
  saw,
  rule,
  did,
  outcome,
});

describe('each kind of decision', () => {
  const failed = vacant(1, { tries: tries(1, { until: ago(-1) }) });
  const again = vacant(1, { tries: tries(2, { until: ago(-2) }) });
  const none = (until: string) => `none: RESOURCE:MEMORY; next try in ${until}`;
  const placed = updated(1).task;
  if (placed === null) throw new Error('no task');
  const adopted = slot(1, { task: { ...placed, launch: null, revision: null, readyAt: null } });

  test.each<[string, Slot | undefined, Slot, readonly HistoryEntry[]]>([
    [
      'a task was started',
      vacant(1),
      starting(1, NOW),
      [entry('no task here', 'H2', 'RunTask launch-000001', 'task 000001, agent:1, revision revision-1')],
    ],
    ['on a host nobody knew', undefined, failed, [entry('no task here', 'H2', 'asked ECS for a task', none('1 s'))]],
    ['ECS gave none', vacant(1), failed, [entry('no task here', 'H2', 'asked ECS for a task', none('1 s'))]],
    ['again', failed, again, [entry('no task here', 'H2', 'asked ECS for a task', none('2 s'))]],
    [
      'ECS gave none of another template',
      vacant(1, { tries: tries(5) }),
      vacant(1, { tries: tries(1, { template: template(2), until: ago(-1) }) }),
      [entry('no task here', 'H2', 'asked ECS for a task', none('1 s'))],
    ],
    ['it was not the launch’s fault', vacant(1), vacant(1, { tries: tries(0, { until: ago(-1) }) }), []],
    [
      'a task was adopted',
      vacant(1),
      adopted,
      [entry('task 000101 runs and nobody recorded it', 'H4', 'adopted it', 'agent:2, not launched by us')],
    ],
    [
      'a task became ready',
      starting(1, ago(20)),
      slot(1),
      [entry('task 000001 RUNNING for 0 s', 'readiness', 'called it ready')],
    ],
    [
      'it is outdated',
      slot(1),
      slot(1, stop('update')),
      [entry('task 000001 is outdated: agent:1, revision revision-1', 'U1', 'StopTask task 000001')],
    ],
    [
      'the host drains',
      slot(1),
      slot(1, stop('draining')),
      [entry('the host drains and its turn has come', 'H8', 'StopTask task 000001')],
    ],
    [
      'it is deleted',
      slot(1),
      slot(1, stop('deletion')),
      [entry('the environment is deleted', 'D2', 'StopTask task 000001')],
    ],
    [
      'it does not match',
      slot(1),
      slot(1, stop('not-matching')),
      [entry('the query of the instance group does not match the host', 'H8', 'StopTask task 000001')],
    ],
    [
      'it is unhealthy',
      slot(1),
      slot(1, stop('unhealthy')),
      [entry('task 000001 is UNHEALTHY', 'readiness', 'StopTask task 000001')],
    ],
    [
      'a stop was withdrawn',
      slot(1, stop('update')),
      slot(1),
      [entry('the stop of task 000001 is not wanted any more', 'R2', 'withdrew it')],
    ],
    [
      'it stopped as asked for',
      slot(1, stop('update', true)),
      vacant(1),
      [entry('task 000001 STOPPED, as asked for (update)', 'H1', 'recorded the end of task 000001')],
    ],
    [
      'it died',
      slot(1),
      vacant(1, { tries: tries(1, { reason: 'OutOfMemory' }) }),
      [entry('task 000001 STOPPED: OutOfMemory', 'H1', 'recorded the end of task 000001')],
    ],
    [
      'a person stopped it, long after a failure',
      slot(1, { tries: failed.tries }),
      vacant(1, { tries: failed.tries }),
      [entry('task 000001 STOPPED', 'H1', 'recorded the end of task 000001')],
    ],
    [
      'another took its place',
      slot(1, stop('update', true)),
      updated(1, { stop: null }),
      [
        entry('task 000001 STOPPED, as asked for (update)', 'H1', 'recorded the end of task 000001'),
        entry('no task here', 'H2', 'RunTask launch-000001', 'task 000101, agent:2, revision revision-2'),
        entry('task 000101 RUNNING for 0 s', 'readiness', 'called it ready'),
      ],
    ],
    [
      'a person asked for a retry',
      failed,
      vacant(1, { retried: 1 }),
      [entry('a person asked for a retry', 'retry', 'forgot the failed tries')],
    ],
    ['ECS took the stop', slot(1, stop('update')), slot(1, stop('update', true)), []],
    ['it was seen draining', slot(1), slot(1, { drainingSince: NOW }), []],
  ])('%s', (_, before, after, expected) => {
    expect(between(before, after)).toEqual(expected);
  });
});

describe('the ring', () => {
  test('an entry goes where the oldest was, and the slot counts them', () => {
    const full = slot(1, { entries: HISTORY_KEPT * 3 - 1 });
    const { slot: after, changes } = recordChange(full, updated(1, { entries: full.entries }), NOW);
    expect(
      changes.flatMap((change) => (change.kind === 'put-history' ? [[change.instance, change.place]] : [])),
    ).toEqual([
      [host(1), HISTORY_KEPT - 1],
      [host(1), 0],
      [host(1), 1],
    ]);
    expect(after.entries).toBe(full.entries + 3);
    expect(changes[0]).toEqual({ kind: 'put-slot', slot: after });
  });

  test('a change that tells nothing counts nothing', () => {
    const after = slot(1, { drainingSince: NOW });
    expect(recordChange(slot(1), after, NOW)).toEqual({ slot: after, changes: [{ kind: 'put-slot', slot: after }] });
  });
});

describe('it is written with the decision', () => {
  test('a stop and its entry are in one group, and the slots that outcomes are settled against count it', () => {
    const next = plan(rolling(1));
    const group = next.changes.find((changes) => changes.some(({ kind }) => kind === 'put-slot'));
    expect(group?.map(({ kind }) => kind)).toEqual(['put-slot', 'put-history']);
    expect(next.slots.get(host(1))?.entries).toBe(1);
  });

  test('so is what a launch came to, behind what the plan wrote of the host', () => {
    const scene: Scene = {
      facts: facts([instance(1)], [stopped(1)]),
      slots: [slot(1, { entries: 4, since: ago(9_000) })],
    };
    const next = plan({ ...scene, looks: { tasks: [stopped(1, { stopCode: 'UserInitiated' })] } });
    expect(told(changesOf(next)).map(({ rule }) => rule)).toEqual(['H1']);
    const acted = launchesIn(next).map((effect) => ({
      effect,
      endedAt: NOW,
      outcome: { kind: 'done', tasks: [{ arn: task(9).arn, instance: host(1) }], failures: [] } as const,
    }));
    const settled = changesOf(settle(acted, next.slots, POLICY));
    expect(
      settled.flatMap((change) => (change.kind === 'put-history' ? [[change.place, change.entry.rule]] : [])),
    ).toEqual([[5, 'H2']]);
    expect(settled.flatMap((change) => (change.kind === 'put-slot' ? [change.slot.entries] : []))).toEqual([6]);
  });
});
