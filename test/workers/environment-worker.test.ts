/** What the metrics say of turns, on a real queue. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import type { TurnDeps } from '../../src/actors/turn.ts';
import { as, type EnvironmentId, type Revision } from '../../src/domain/ids.ts';
import type { ClaimResult, CommitResult } from '../../src/store/store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startEnvironmentWorker } from '../../src/workers/environment-worker.ts';
import { closeQueue, producerOptions, WAKE_QUEUE, wakeUp } from '../../src/workers/queues.ts';
import { facts, host, instance, minting, NOW, POLICY, taskArn, world } from '../planner/fixtures.ts';
import { eventually } from '../system/stack.ts';

const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

test.each<[CommitResult, string]>([
  [{ kind: 'fenced' }, 'fenced'],
  [{ kind: 'unknown', reason: 'reply lost' }, 'unknown'],
])('calls of a turn whose outcomes are $kind count all the same', async (outcomes) => {
  const environment = as<EnvironmentId>(randomUUID());
  const metrics = createMetrics();
  const claimed: ClaimResult = {
    kind: 'claimed',
    claim: {
      world: world(),
      storeId: 'store',
      fence: as<Revision>(200),
      commitIntents: async () => ({ kind: 'committed' }),
      commitOutcomes: async () => outcomes,
      rollBack: async () => outcomes,
      remove: async () => outcomes,
    },
  };
  // The second turn finds nothing left to do.
  const claims: ClaimResult[] = [claimed, { kind: 'gone' }];
  const unused = (): never => {
    throw new Error('not the turn’s business');
  };
  const turn: TurnDeps = {
    store: { claim: async () => claims.shift() ?? { kind: 'gone' }, inventory: unused },
    facts: { read: async () => facts([instance(1)]), pace: unused, publish: unused },
    ecs: {
      launch: async () => ({ kind: 'done', tasks: [{ arn: taskArn(1), instance: host(1) }], failures: [] }),
      taskDefinitionStatus: async () => 'ACTIVE',
      stop: unused,
      describeTasks: async () => new Map(),
      describeInstances: async () => new Map(),
      capacities: unused,
      survey: unused,
      taskDefinition: unused,
      resolveCluster: unused,
      resolveTaskDefinition: unused,
    },
    alarms: { states: unused },
    mailbox: { wake: unused, wakeAt: unused, requestSurvey: unused },
    policy: POLICY,
    now: () => NOW,
    mint: minting(),
    holder: 'test',
  };
  const worker = startEnvironmentWorker({
    redis,
    turn,
    metrics,
    log: pino({ level: 'silent' }),
    random: () => 0.5,
    monotonic: () => performance.now(),
  });
  closers.push(() => worker.close());
  const queue = new Queue(WAKE_QUEUE, producerOptions(redis));
  closers.push(() => closeQueue(queue));
  await queue.add('deploy', { environment }, wakeUp(environment));
  const text = await eventually(
    () => metrics.registry.metrics(),
    (all) => all.includes('ending="gone"'),
    'the turn taken again',
  );
  expect(text).toContain('daemon_scheduler_launches_total 1');
  expect(text).toContain(`daemon_scheduler_fenced_turns_total ${outcomes.kind === 'fenced' ? 1 : 0}`);
  expect(text).toContain('daemon_scheduler_job_failures_total{queue="wake"} 1');
});
