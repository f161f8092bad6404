/** Who asks for a look at `daemons.ready`, and the worker that takes it, on a real Redis. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, describe, expect, inject, test } from 'vitest';
import type { ReadinessDeps } from '../../src/actors/readiness.ts';
import { WrittenMarks } from '../../src/actors/written-marks.ts';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as, type ClusterArn, type InstanceArn, type Revision } from '../../src/domain/ids.ts';
import type { Observation } from '../../src/intake/judge.ts';
import type { AttributeOutcome } from '../../src/ecs/gateway.ts';
import type { ClusterClaimResult } from '../../src/store/cluster-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BullMailbox } from '../../src/workers/bull-mailbox.ts';
import { takeIn } from '../../src/workers/intake.ts';
import { startReadinessWorker } from '../../src/workers/readiness-worker.ts';
import { Watchers } from '../../src/workers/watchers.ts';
import { CLUSTER, daemon, factsOf, hostOf, LISTED, LISTED_AT, specOf, taskOf } from '../planner/readiness-fixtures.ts';
import { eventually } from '../system/stack.ts';

const log = pino({ level: 'silent' });
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

describe('the worker', () => {
  const CLAIMED: ClusterClaimResult = {
    kind: 'claimed',
    claim: { storeId: 'store', revision: LISTED, watched: true, required: [daemon('agent')], holds: async () => true },
  };
  const THROTTLED: AttributeOutcome = { kind: 'refused', retry: true, fault: { code: 'Throttled', message: 'slow' } };

  /** Writes down the claims; each ends as `endings` says, one after the other, and the last from then on. */
  function stage(endings: readonly ClusterClaimResult[], outcomes: readonly AttributeOutcome[] = [{ kind: 'done' }]) {
    const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
    const claims: ClusterArn[] = [];
    const calls: string[] = [];
    const metrics = createMetrics();
    const readiness: ReadinessDeps = {
      clusters: {
        claim: async (cluster) => {
          claims.push(cluster);
          return endings[Math.min(claims.length, endings.length) - 1] ?? { kind: 'unconcerned' };
        },
      },
      facts: { read: async () => factsOf([hostOf(1)], [taskOf('agent', 1)]) },
      ecs: {
        changeAttribute: async ({ change, instances }) => {
          calls.push(change.kind);
          const outcome = outcomes[Math.min(calls.length, outcomes.length) - 1] ?? { kind: 'done' };
          return new Map(instances.map((host): [InstanceArn, AttributeOutcome] => [host, outcome]));
        },
      },
      marks: new WrittenMarks(),
      policy: { actWithinMs: 10_000, clockSkewMs: 5_000 },
      now: () => LISTED_AT,
      holder: 'test',
    };
    const worker = startReadinessWorker({
      redis,
      readiness,
      log,
      metrics,
      random: () => 0,
      monotonic: () => performance.now(),
    });
    closers.push(() => worker.close());
    const mailbox = new BullMailbox(redis, () => LISTED_AT, log);
    closers.push(() => mailbox.close());
    return { claims, calls, mailbox, metrics };
  }
  const until = (counted: readonly unknown[], count: number): Promise<number> =>
    eventually(
      async () => counted.length,
      (length) => length >= count,
      `${count} times`,
    );

  test('takes a turn of the cluster it is asked for, and a crowd of requests is a few turns', async () => {
    const { mailbox, claims, calls } = stage([CLAIMED]);
    expect(await mailbox.requestReadiness(CLUSTER)).toBe(true);
    await until(calls, 1);
    expect(claims).toEqual([CLUSTER]);
    const crowd = Array.from({ length: 100 }, () => mailbox.requestReadiness(CLUSTER));
    expect(await Promise.all(crowd)).not.toContain(false);
    await until(claims, 2);
    expect(claims.length).toBeLessThan(5);
  });

  test('takes it again when it was fenced, and when ECS was busy', async () => {
    const { mailbox, claims, calls } = stage([{ kind: 'fenced' }, CLAIMED], [THROTTLED, { kind: 'done' }]);
    await mailbox.requestReadiness(CLUSTER);
    await until(calls, 2);
    expect(claims).toHaveLength(3);
  });

  test('counts what cannot be read, and does not try again by itself', async () => {
    const { mailbox, claims, metrics } = stage([{ kind: 'unreadable', key: 'k', fault: 'f' }]);
    await mailbox.requestReadiness(CLUSTER);
    await eventually(
      async () => (await metrics.unreadable.get()).values[0]?.value,
      (count) => count === 1,
      'counted',
    );
    const failures = await metrics.failures.get();
    expect([claims.length, failures.values]).toEqual([1, []]);
  });
});

describe('events', () => {
  const sees = (sighting: Observation['sighting']): Observation => ({
    sighting,
    source: 'ecs',
    again: false,
    stale: false,
  });
  const task = sees({ kind: 'task', task: taskOf('agent', 1, { version: 2, health: 'HEALTHY' }) });
  const host = sees({ kind: 'instance', instance: hostOf(1, { version: 2, agentConnected: false }) });

  async function requests(spec: EnvironmentSpec, seen: Observation): Promise<readonly string[]> {
    const calls: string[] = [];
    const inventory = {
      revision: as<Revision>(1),
      storeId: 'store',
      specs: [{ value: spec, created: as<Revision>(1), modified: as<Revision>(1) }],
      unreadable: [],
    };
    await takeIn(CLUSTER, [seen], {
      watchers: new Watchers({ store: { inventory: async () => inventory }, monotonic: () => 0 }),
      facts: {
        read: async () => factsOf([hostOf(1)], [taskOf('agent', 1)]),
        sight: async () => void calls.push('sight'),
      },
      hints: { add: async () => true },
      mailbox: {
        wake: async () => true,
        requestSurvey: async () => true,
        requestReadiness: async () => calls.push('readiness') > 0,
      },
      metrics: createMetrics(),
    });
    return calls;
  }

  test('of a task ask for a look, after they are kept', async () => {
    expect(await requests(specOf('agent'), task)).toEqual(['sight', 'readiness']);
  });

  test('of hosts do not: every task that starts changes one. Nor do those of a cluster where nothing is required', async () => {
    expect(await requests(specOf('agent'), host)).toEqual(['sight']);
    expect(await requests(specOf('agent', { required: false }), task)).toEqual(['sight']);
  });

  test('of an old version tell nothing new', async () => {
    const old = sees({ kind: 'task', task: taskOf('agent', 1) });
    expect(await requests(specOf('agent'), old)).toEqual(['sight']);
  });
});
