/** What metrics and log say of turns, on a real queue. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import { ReadingRoom } from '../../src/actors/reading-room.ts';
import type { TurnDeps } from '../../src/actors/turn.ts';
import { as, type EnvironmentId, type Revision } from '../../src/domain/ids.ts';
import { DEFAULT_CONFIGURATION } from '../../src/domain/revision.ts';
import type { World } from '../../src/domain/world.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import type { ClaimResult, CommitResult } from '../../src/store/store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startEnvironmentWorker } from '../../src/workers/environment-worker.ts';
import { closeQueue, producerOptions, WAKE_QUEUE, wakeUp } from '../../src/workers/queues.ts';
import {
  deployment,
  deploymentId,
  facts,
  host,
  instance,
  minting,
  NOW,
  POLICY,
  progress,
  revision,
  RUNNING_PROGRESS,
  taskArn,
  world,
} from '../planner/fixtures.ts';
import { failing } from '../planner/rollout-scenes.ts';
import { eventually } from '../system/stack.ts';

const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const unused = (): never => {
  throw new Error('not the turn’s business');
};

const claimed = (of: World, ending: CommitResult): ClaimResult => ({
  kind: 'claimed',
  claim: {
    world: of,
    storeId: 'store',
    fence: as<Revision>(200),
    commitIntents: async () => ({ kind: 'committed' }),
    commitOutcomes: async () => ending,
    rollBack: async () => ending,
    remove: async () => ending,
  },
});

/** A worker that gets these claims, one a turn, and then none, and is woken by `wakeAt` and once besides. */
async function woken(
  claims: ClaimResult[],
  definitionStatus: TurnDeps['ecs']['taskDefinitionStatus'] = async () => 'ACTIVE',
) {
  const environment = as<EnvironmentId>(randomUUID());
  const metrics = createMetrics();
  const lines: object[] = [];
  const turn: TurnDeps = {
    store: { claim: async () => claims.shift() ?? { kind: 'gone' }, inventory: unused },
    facts: { read: async () => facts([instance(1)]), standing: unused, publish: unused },
    ecs: {
      launch: async () => ({ kind: 'done', tasks: [{ arn: taskArn(1), instance: host(1) }], failures: [] }),
      taskDefinitionStatus: definitionStatus,
      stop: unused,
      describeTasks: async () => new Map(),
      pollTasks: async () => new Map(),
      describeInstances: async () => new Map(),
      capacities: unused,
      survey: unused,
      taskDefinition: unused,
      resolveCluster: unused,
      resolveTaskDefinition: unused,
    },
    alarms: { states: unused },
    mailbox: { wake: unused, wakeAt: async () => await wake('timer'), requestSurvey: unused },
    room: new ReadingRoom(),
    policy: POLICY,
    now: () => NOW,
    mint: minting(),
    holder: 'test',
  };
  const worker = startEnvironmentWorker({
    redis,
    turn,
    metrics,
    log: pino({ level: 'info' }, { write: (text) => lines.push(JSON.parse(text) as object) }),
    random: () => 0.5,
    monotonic: () => performance.now(),
  });
  closers.push(() => worker.close());
  const queue = new Queue(WAKE_QUEUE, producerOptions(redis));
  closers.push(() => closeQueue(queue));
  const wake = async (reason: string): Promise<true> => {
    await queue.add(reason, { environment }, wakeUp(environment));
    return true;
  };
  await wake('deploy');
  const text = await eventually(
    () => metrics.registry.metrics(),
    (all) => all.includes('ending="gone"'),
    'the last turn',
  );
  return { environment, text, lines };
}

test.each<[CommitResult, string]>([
  [{ kind: 'fenced' }, 'fenced'],
  [{ kind: 'unknown', reason: 'reply lost' }, 'unknown'],
])('calls of a turn whose outcomes are $kind count all the same', async (outcomes) => {
  // The second turn finds nothing left to do.
  const { text } = await woken([claimed(world(), outcomes)]);
  expect(text).toContain('daemon_scheduler_launches_total 1');
  expect(text).toContain(`daemon_scheduler_fenced_turns_total ${outcomes.kind === 'fenced' ? 1 : 0}`);
  expect(text).toContain('daemon_scheduler_job_failures_total{queue="wake"} 1');
});

test('the log says which environment is gone by the name that people know', async () => {
  const { environment, lines } = await woken([claimed(world({ deletion: 'stop' }), { kind: 'committed' })]);
  const { name } = world().spec.value;
  await eventually(
    async () => lines,
    (all) => all.length > 0,
    'the line',
  );
  expect(lines).toMatchObject([{ msg: 'environment is gone', environment, name }]);
});

test('a wake-up for an environment that was gone before is no news', async () => {
  const { lines } = await woken([]);
  expect(lines).toEqual([]);
});

test('what ECS does not tell is said once, however often turns ask, and so is that it tells again', async () => {
  const throttled = new EcsReadError({ code: 'ThrottlingException', message: 'slow down' });
  let asked = 0;
  const { lines } = await woken(
    Array.from({ length: 3 }, () => claimed(world(), { kind: 'committed' })),
    async () => {
      asked += 1;
      if (asked < 3) throw throttled;
      return 'ACTIVE';
    },
  );
  expect(lines).toMatchObject([
    { level: 40, lookFault: 'ThrottlingException: slow down' },
    { level: 30, msg: 'turns are told again' },
    { level: 30, msg: 'turn', launches: 1, lookFault: null },
  ]);
});

test('a rollout that is paused by its breaker is said once, with why, and counted', async () => {
  const next = deployment(2, {
    base: deploymentId(1),
    revision: revision(2, { configuration: { ...DEFAULT_CONFIGURATION, failures: 3, rollback: 'pause' } }),
  });
  const failed = world({
    slots: [failing(1, 3)],
    rollouts: [{ deployment: next, progress: progress(2, RUNNING_PROGRESS) }],
  });
  const { text, lines } = await woken([claimed(failed, { kind: 'committed' })]);
  const reason = '3 failed attempts in wave all, where 3 trip; on i-000001: RESOURCE:MEMORY';
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'rollout paused', reason }));
  expect(text).toContain('daemon_scheduler_pauses_total 1');
});
