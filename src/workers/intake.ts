/**
 * Carries out what observations mean: keep them, ask, wake.
 *
 * I1. In this order: what was seen is stored before anyone is woken, so that who wakes sees it. The caller lets go of a
 *     message or a job only after all of it was done; what comes again is judged again.
 */
import type { Mailbox, ReadinessMailbox } from '../actors/mailbox.ts';
import type { ClusterArn, Instant } from '../domain/ids.ts';
import { isRequired } from '../domain/required.ts';
import type { HintQueue } from '../intake/hints.ts';
import { judge, type Judgement, type Observation } from '../intake/judge.ts';
import type { FactsStore, SightingStore } from '../store/facts-store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Watchers } from './watchers.ts';

/** An event told later than this after it happened is no news: the listings since then know better. Far above any clock's fault. */
const STALE_AFTER_MS = 2 * 60_000;

export const isStale = (at: Instant, now: Instant): boolean => now - at > STALE_AFTER_MS;

export interface IntakeDeps {
  readonly watchers: Watchers;
  readonly facts: Pick<FactsStore, 'read'> & SightingStore;
  readonly hints: HintQueue;
  readonly mailbox: Pick<Mailbox, 'wake' | 'requestSurvey'> & ReadinessMailbox;
  readonly metrics: Pick<Metrics, 'events'>;
}

/** Something that is needed did not take its part: to be tried again. */
class IntakeError extends Error {
  override readonly name = 'IntakeError';
}

/** Takes in observations of one cluster. Throws when any part was not done. */
export async function takeIn(
  cluster: ClusterArn,
  observations: readonly Observation[],
  deps: IntakeDeps,
): Promise<void> {
  const [{ storeId, watchers }, read] = await Promise.all([deps.watchers.of(cluster), deps.facts.read(cluster)]);
  if (watchers.length === 0) {
    deps.metrics.events.inc({ outcome: 'unwatched' }, observations.length);
    return;
  }
  const judgement = judge(read?.storeId === storeId ? read : null, observations, watchers);
  await deps.facts.sight(cluster, judgement.store);
  await follow(cluster, judgement, deps);
  // Not waited for, as a crowd of requests takes its time; what is lost the next survey makes up for.
  if (judgement.store.some(({ kind }) => kind === 'task') && watchers.some(isRequired)) {
    void deps.mailbox.requestReadiness(cluster);
  }
  for (const outcome of judgement.verdicts) deps.metrics.events.inc({ outcome });
}

async function follow(cluster: ClusterArn, judgement: Judgement, deps: IntakeDeps): Promise<void> {
  const { ask, wakes, survey } = judgement;
  const done = await Promise.all([
    ...[...wakes].map(([environment, reason]) => deps.mailbox.wake(environment, reason)),
    ...(ask.length > 0 ? [deps.hints.add(ask)] : []),
    ...(survey ? [deps.mailbox.requestSurvey(cluster)] : []),
  ]);
  if (done.includes(false)) throw new IntakeError('the queue did not take what was to be done');
}
