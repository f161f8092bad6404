/** ECS misbehaves: the simulator does it, and counts the calls it hit. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EcsFault } from '../clients.ts';
import { TIMES } from '../system.ts';
import { SEEN_WITHIN_MS, type Fault } from './fault.ts';

const LOOK_EVERY_MS = 50;

/** Aimed at RunTask calls that other faults of the round, or its deployment, bring about. */
const byEcs = (kind: string, fault: EcsFault): Fault => ({
  kind: `ECS ${kind}`,
  inject: async ({ system: { ecs } }) => {
    const id = await ecs.arm(fault);
    const deadline = performance.now() + SEEN_WITHIN_MS;
    while ((await ecs.hits(id)) === 0) {
      if (performance.now() > deadline) return { seen: false };
      await delay(LOOK_EVERY_MS);
    }
    return { seen: true };
  },
});

const ON_RUN_TASK = { operation: 'RunTask', times: 1 } as const;
const LATE_MS = TIMES.ecsTimeoutMs + 500;

export const ECS_FAULTS: readonly Fault[] = [
  byEcs('answers late, after the commit', { ...ON_RUN_TASK, kind: 'delay', ms: LATE_MS, when: 'after-commit' }),
  byEcs('commits after our deadline', { ...ON_RUN_TASK, kind: 'delay', ms: LATE_MS, when: 'before-commit' }),
  byEcs('drops its reply', { ...ON_RUN_TASK, kind: 'drop-reply-after-commit' }),
  byEcs('truncates its reply', { ...ON_RUN_TASK, kind: 'truncate-reply-after-commit' }),
  byEcs('says 500 and did it', { ...ON_RUN_TASK, kind: 'error-500', when: 'after-commit' }),
  byEcs('says 500 and did not', { ...ON_RUN_TASK, kind: 'error-500', when: 'before-commit' }),
  byEcs('hangs', { ...ON_RUN_TASK, kind: 'hang', when: 'before-commit' }),
  byEcs('throttles a storm of calls', { operation: '*', kind: 'throttle', times: 20 }),
  byEcs('fails reads', { operation: 'DescribeTasks', kind: 'error-500', when: 'before-commit', times: 5 }),
  byEcs('truncates a listing', { operation: 'ListTasks', kind: 'truncate-reply-after-commit', times: 2 }),
];
