import type { Cluster, TokenEntry } from './records.ts';
import type { World } from './world.ts';

/**
 * The client tokens of RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
 *
 * T1. A token is bound per cluster to one request and to its result, failures included, even when all of it failed.
 * T2. It is bound for the lesser of `tokenLifeMostMs` (24 hours) and `tokenLifeAfterLastTaskMs` (an hour) more than its longest-lived task.
 */
export function boundToken(
  cluster: Cluster,
  token: string,
  { now, options }: Pick<World, 'now' | 'options'>,
): TokenEntry | undefined {
  const entry = cluster.tokens.get(token);
  if (entry === undefined) return undefined;
  if (now < expiresAt(entry, options)) return entry;
  cluster.tokens.delete(token);
  return undefined;
}

function expiresAt(entry: TokenEntry, options: World['options']): number {
  let lastTaskEnd = entry.boundAt;
  for (const task of entry.tasks) lastTaskEnd = Math.max(lastTaskEnd, task.stoppedAt ?? Number.POSITIVE_INFINITY);
  return Math.min(entry.boundAt + options.tokenLifeMostMs, lastTaskEnd + options.tokenLifeAfterLastTaskMs);
}
