/** What is said of hosts: their state, what they wait for, and the counts. */
import { describe, expect, test } from 'vitest';
import { hostViews, statusView, type Seen } from '../../src/insight/host-views.ts';
import type { HostView, StatusView } from '../../src/insight/insight.ts';
import { planEnvironment } from '../../src/planner/plan.ts';
import { rolloutAfter } from '../../src/planner/steering.ts';
import type { Revision } from '../../src/domain/ids.ts';
import type { PlacedTask } from '../../src/domain/launch.ts';
import type { Wave } from '../../src/domain/revision.ts';
import {
  ago,
  at,
  deploymentId,
  facts,
  host,
  instance,
  launch,
  minting,
  NOW,
  observation,
  POLICY,
  REVISION,
  slot,
  starting,
  task,
  taskArn,
  tries,
  vacant,
  type Scene,
} from '../planner/fixtures.ts';
import { failing, rolling, taken, updated } from '../planner/rollout-scenes.ts';

function seenIn(scene: Scene): Seen {
  const seen = observation(scene);
  const plan = planEnvironment(seen, POLICY, minting());
  return { observation: seen, plan, rollout: rolloutAfter(seen, plan) };
}

const viewOf = (scene: Scene, n: number): HostView => {
  const view = hostViews(seenIn(scene)).find(({ instance: arn }) => arn === host(n));
  if (view === undefined) throw new Error('no such host');
  return view;
};

const one = (changes: Parameters<typeof instance>[1], scene: Partial<Scene> = {}): Scene => ({
  slots: [slot(1)],
  facts: facts([instance(1, changes)], [task(1)]),
  ...scene,
});
const empty = (scene: Partial<Scene> = {}): Scene => ({
  slots: [vacant(1)],
  facts: facts([instance(1)]),
  ...scene,
});

describe('a host is', () => {
  const waits = tries(3, { until: at(1_060) });
  const cases: readonly (readonly [what: string, Scene, Partial<HostView>, RegExp])[] = [
    ['covered', one({}), { state: 'ready', waitingFor: null }, /^covered: its task is ready$/],
    ['disconnected', one({ agentConnected: false }), { state: 'disconnected', waitingFor: 'agent' }, /caught up/],
    [
      'draining behind others',
      one({ status: 'DRAINING', foreignTasks: 1 }),
      { state: 'draining', waitingFor: 'drain', until: at(1_600) },
      /until 20\d\d-/,
    ],
    ['excluded', one({}, { spec: { excluded: [host(1)] } }), { state: 'excluded', waitingFor: 'excluded' }, /person/],
    [
      'frozen with its task',
      one({}, { spec: { frozen: true } }),
      { state: 'ready', waitingFor: 'frozen' },
      /^the environment is frozen$/,
    ],
    ['frozen without one', empty({ spec: { frozen: true } }), { state: 'empty', waitingFor: 'frozen' }, /frozen/],
    [
      'in backoff',
      empty({ slots: [vacant(1, { tries: waits })] }),
      { state: 'empty', waitingFor: 'backoff', until: at(1_060), failedAttempts: 3 },
      /until 20.*; the last attempt came to nothing: RESOURCE:MEMORY$/,
    ],
    ['about to be launched on', empty(), { state: 'launching', waitingFor: 'launch', task: null }, /under way/],
    [
      'starting',
      { slots: [starting(1, ago(1))], facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]) },
      { state: 'starting', waitingFor: 'start' },
      /not ready yet/,
    ],
    [
      'without an id to launch by',
      empty({ facts: facts([instance(1, { ec2InstanceId: null })]) }),
      { state: 'empty', waitingFor: 'no-instance-id' },
      /no EC2 or SSM id/,
    ],
    [
      'waiting for a definition that is gone',
      empty({ looks: { definition: 'INACTIVE' } }),
      { waitingFor: 'task-definition' },
      /not ACTIVE/,
    ],
    [
      'of an environment that was never deployed',
      { spec: { target: null }, facts: facts([instance(1)]) },
      { state: 'empty', waitingFor: null },
      /^not deployed yet: POST …\/deployments does it$/,
    ],
    ['not known any more', { slots: [slot(1)], facts: facts([]) }, { waitingFor: 'facts' }, /fresh facts/],
  ];

  test.each(cases)('%s', (_, scene, view, sentence) => {
    const told = viewOf(scene, 1);
    expect(told).toMatchObject(view);
    expect(told.explanation).toMatch(sentence);
  });

  test('waiting for budget, for its wave, or for the end of a pause', () => {
    const outdated = rolling(3, { configuration: { maxUnavailable: 1 }, slots: [taken(1)] });
    expect(viewOf(outdated, 2)).toMatchObject({ state: 'ready', waitingFor: 'budget', wave: 'all' });
    expect(viewOf(outdated, 2).task).toMatchObject({ arn: taskArn(2), current: false });
    const waves = [{ of: { kind: 'canary', hosts: 1 }, promote: 'manual', bakeMinutes: 0 }] as const;
    expect(viewOf(rolling(3, { configuration: { waves }, progress: null }), 2)).toMatchObject({
      waitingFor: 'wave',
      wave: 'the rest',
    });
    const orders = { paused: true, resumes: 0, promoted: 0, cancelled: false };
    expect(viewOf(rolling(3, { spec: { orders } }), 2)).toMatchObject({
      state: 'ready',
      waitingFor: 'paused',
      explanation: 'the rollout is paused (paused by request)',
    });
    const tripped = rolling(3, { slots: [failing(1, 3)], configuration: { failures: 3, rollback: 'pause' } });
    expect(viewOf(tripped, 2).explanation).toMatch(/^the rollout is paused \(3 failed attempts in wave all, .+\)$/);
  });

  test('in the wave after one that bakes, or that a person is to promote', () => {
    const canary = (n: number, more: Partial<Wave>): Wave => ({
      name: `canary of ${n}`,
      of: { kind: 'canary', hosts: n },
      promote: 'auto',
      bakeMinutes: 10,
      ...more,
    });
    const rest: Wave = { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 };
    const inWave = (wave: number) => ({ deployment: deploymentId(2), wave });
    const slots = [updated(1, { canary: inWave(0) }), slot(2, { canary: inWave(1) })];
    const told = (more: Partial<Wave>, doneAt = ago(60)): readonly [HostView, HostView, StatusView] => {
      const waves = [canary(1, more), canary(2, {}), rest];
      const scene = rolling(3, { slots, progress: { waves, open: 1, canaries: 1, doneAt } });
      return [viewOf(scene, 2), viewOf(scene, 3), statusView(seenIn(scene), NOW)];
    };

    const [next, later, status] = told({});
    const until = new Date(at(1_540)).toISOString();
    const explanation = `its wave of the rollout is not open yet: 'canary of 1' bakes until ${until}, or promote opens the next now`;
    expect(next).toMatchObject({ waitingFor: 'wave', until: at(1_540), explanation });
    expect(later).toMatchObject({ waitingFor: 'wave', until: null, explanation });
    expect(status).toMatchObject({ updated: 1, estimatedSecondsLeft: null });

    const [byHand, , counts] = told({ promote: 'manual' });
    expect(byHand).toMatchObject({ waitingFor: 'wave', until: null });
    expect(byHand.explanation).toBe(
      "its wave of the rollout is not open yet: 'canary of 1' is done, and a person is to promote the next",
    );
    expect(counts.estimatedSecondsLeft).toBeNull();
  });

  test('in a wave that is closed, while the one before it is not done', () => {
    const waves = [{ of: { kind: 'canary', hosts: 1 }, promote: 'auto', bakeMinutes: 10 }] as const;
    const told = viewOf(rolling(3, { configuration: { waves }, progress: null }), 2);
    expect(told).toMatchObject({ until: null, explanation: 'its wave of the rollout is not open yet' });
  });

  test('being emptied for the rollout', () => {
    expect(viewOf(rolling(1), 1)).toMatchObject({ state: 'stopping', waitingFor: 'stop' });
  });

  test('outside of the query, with its task on its way out', () => {
    const scene = rolling(1, { revision: { query: 'attribute:tier == b' }, progress: {} });
    expect(viewOf(scene, 1)).toMatchObject({ state: 'not-matching', waitingFor: 'not-matching' });
  });

  test('told of in order of ARN, each once, also one that only a slot knows', () => {
    const scene = { slots: [slot(3), slot(1)], facts: facts([instance(2), instance(1)], [task(1)]) };
    expect(hostViews(seenIn(scene)).map(({ instance: arn }) => arn)).toEqual([host(1), host(2), host(3)]);
  });
});

describe('the counts', () => {
  test('add up while it rolls', () => {
    const scene = rolling(5, {
      configuration: { maxUnavailable: 1 },
      slots: [updated(1), taken(2, { gapSince: ago(30) })],
      instances: [instance(5, { agentConnected: false })],
    });
    const told = statusView(seenIn(scene), NOW);
    expect(told).toMatchObject({ desired: 4, current: 3, updated: 1, ready: 3, unavailable: 1, deferred: 1 });
    expect(told).toMatchObject({ misplaced: 0, duplicates: 0, observedRevision: 'revision-2' });
    expect(told.uncoveredHostSeconds).toBe(30);
    expect(told.estimatedSecondsLeft).toBeGreaterThan(0);
  });

  test('count time without a task from the deployment on, gaps that are over too', () => {
    const uncovered = { deployment: deploymentId(2), ms: 4_000 };
    const other = { deployment: deploymentId(1), ms: 90_000 };
    const scene = rolling(3, {
      slots: [updated(1, { uncovered }), updated(2, { uncovered: other }), updated(3, { gapSince: null })],
      deployment: { createdAt: ago(10) },
    });
    expect(statusView(seenIn(scene), NOW).uncoveredHostSeconds).toBe(4);
    const gone = rolling(1, { slots: [taken(1, { gapSince: at(-500) })], deployment: { createdAt: ago(10) } });
    expect(statusView(seenIn(gone), NOW).uncoveredHostSeconds).toBe(10);
  });

  test('name what is where it should not be', () => {
    const moved = rolling(2, { revision: { query: 'attribute:tier == b' } });
    expect(statusView(seenIn(moved), NOW)).toMatchObject({ desired: 0, misplaced: 2 });
    const two = { slots: [slot(1)], facts: facts([instance(1)], [task(1), task(7, { instance: host(1) })]) };
    expect(statusView(seenIn(two), NOW)).toMatchObject({ desired: 1, duplicates: 1 });
  });

  describe('of duplicates leave out', () => {
    const B = task(7, { instance: host(1) });
    const replaced = slot(1, { task: { ...taskOf(slot(1)), arn: B.arn } });
    const OLDER = { revision: (REVISION.written - 1) as Revision };
    const stop = { reason: 'draining', requestedAt: ago(5), accepted: true } as const;
    const cases: readonly (readonly [what: string, Scene])[] = [
      [
        'the task that was replaced, in a listing from before that',
        { slots: [replaced], facts: facts([instance(1)], [task(1), B], OLDER) },
      ],
      [
        'the task that was replaced, in a listing of a host whose launch is open',
        { slots: [slot(1)], launches: [launch(2, [1], ago(2))], facts: facts([instance(1)], [task(1), B]) },
      ],
      [
        'a task that an event told of, and the listing does not show',
        { slots: [slot(1)], facts: facts([instance(1)], [task(1), B], { unlisted: new Set([B.arn]) }) },
      ],
      [
        'a task that ECS is stopping',
        { slots: [replaced], facts: facts([instance(1)], [task(1, { desiredStatus: 'STOPPED' }), B]) },
      ],
      [
        'the recorded task that is being stopped',
        { slots: [slot(1, { stop })], facts: facts([instance(1)], [task(1), B]) },
      ],
    ];

    test.each(cases)('%s', (_, scene) => {
      expect(statusView(seenIn(scene), NOW).duplicates).toBe(0);
    });

    test('nothing else: two that no record speaks of are two', () => {
      expect(statusView(seenIn({ facts: facts([instance(1)], [task(1), B]) }), NOW).duplicates).toBe(1);
    });
  });

  test('are nothing before the first deployment', () => {
    const told = statusView(seenIn({ spec: { target: null }, facts: facts([instance(1)]) }), NOW);
    expect(told).toMatchObject({ observedRevision: null, desired: 0, unavailable: 0, estimatedSecondsLeft: null });
  });
});

function taskOf({ task: placed }: ReturnType<typeof slot>): PlacedTask {
  if (placed === null) throw new Error('the fixture has a task');
  return placed;
}
