import { HOUR_MS } from './options.ts';
import type { Cluster, TokenEntry } from './world.ts';

/**
 * The client tokens of RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
 *
 * T1. A token is bound per cluster to one request and to its result, failures included, even when all of it failed.
 * T2. It is bound for the lesser of 24 hours and one hour more than its longest-lived task.
 */
const TOKEN_LIFE_MAX_MS = 24 * HOUR_MS;
const TOKEN_LIFE_AFTER_LAST_TASK_MS = HOUR_MS;

export function boundToken(cluster: Cluster, token: string, now: number): TokenEntry | undefined {
  const entry = cluster.tokens.get(token);
  if (entry === undefined) return undefined;
  if (now < expiresAt(entry)) return entry;
  cluster.tokens.delete(token);
  return undefined;
}

function expiresAt(entry: TokenEntry): number {
  let lastTaskEnd = entry.boundAt;
  for (const task of entry.tasks) lastTaskEnd = Math.max(lastTaskEnd, task.stoppedAt ?? Number.POSITIVE_INFINITY);
  return Math.min(entry.boundAt + TOKEN_LIFE_MAX_MS, lastTaskEnd + TOKEN_LIFE_AFTER_LAST_TASK_MS);
}
