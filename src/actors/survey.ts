/**
 * A cluster's turn: list it as a whole, publish what was seen, wake the actors it concerns.
 *
 * V1. The store's revision is read before the listing begins, so whoever reads the facts knows what they can show.
 * V2. One survey serves every environment of the cluster; reads do not grow with their number.
 * V3. Whoever asks for a survey gets one that begins later, as soon as the reads of the last one are paid for: there is one kind
 *     of it, so that none takes the place of another. Each says when the next is due; a sweep asks where one failed to come.
 */
import { tasksFor } from '../domain/adoption.ts';
import { isDescribedAnew } from '../domain/attributes.ts';
import { isInService, type EnvironmentSpec } from '../domain/environment.ts';
import type { Stored } from '../domain/world.ts';
import { READY_ATTRIBUTE, type Facts, type Instance, type Task } from '../domain/facts.ts';
import { after, type ClusterArn, type Instant } from '../domain/ids.ts';
import { isRequired } from '../domain/required.ts';
import type { EcsGateway } from '../ecs/gateway.ts';
import type { FactsStore, Standing } from '../store/facts-store.ts';
import type { ActorStore, Inventory } from '../store/store.ts';
import type { Mailbox, WakeReason } from './mailbox.ts';

export interface SurveyDeps {
  readonly store: Pick<ActorStore, 'inventory'>;
  readonly facts: FactsStore;
  readonly ecs: Pick<EcsGateway, 'survey'>;
  readonly mailbox: Pick<Mailbox, 'wake'>;
  readonly now: () => Instant;
  /** Wanted time between two surveys' beginnings. */
  readonly intervalMs: number;
}

export type SurveyEnding =
  /** `again` is when the next one is due. */
  | {
      readonly kind: 'done';
      readonly published: boolean;
      readonly woken: number;
      readonly hosts: number;
      readonly tasks: number;
      readonly reads: number;
      /** Whether some host may have to get or lose the attribute `daemons.ready`. */
      readonly readiness: boolean;
      readonly again: Instant;
    }
  /** The last one is not paid for yet. */
  | { readonly kind: 'early'; readonly again: Instant }
  /** No environment is on the cluster any more. */
  | { readonly kind: 'unwatched' };

/**
 * Time a read costs us: half of what ECS refills of the bucket that lists and describes share (20/s, ECS API reference,
 * Request throttling), so that the other half is left to everyone else in the account.
 */
const READ_MS = 1_000 / (20 / 2);

export async function surveyCluster(cluster: ClusterArn, deps: SurveyDeps, signal: AbortSignal): Promise<SurveyEnding> {
  const last = await deps.facts.standing(cluster);
  // A start in the future is a clock that was ahead; waiting for it could take for ever.
  if (last !== null && last.startedAt <= deps.now()) {
    const paid = after(last.startedAt, last.reads * READ_MS);
    if (paid > deps.now()) return { kind: 'early', again: paid };
  }
  const inventory = await deps.store.inventory();
  const watchers = inventory.specs.filter(({ value: spec }) => spec.cluster === cluster);
  if (watchers.length === 0) return { kind: 'unwatched' };

  const { wakes, ...news } = await listAndPublish({ cluster, inventory, watchers, last }, deps, signal);
  // What was seen is let go of by now: those who are woken read it, and it is megabytes.
  for (const { environment, reason } of wakes) await deps.mailbox.wake(environment, reason);
  return { kind: 'done', woken: wakes.length, ...news };
}

interface Listed {
  readonly cluster: ClusterArn;
  readonly inventory: Inventory;
  /** Environments on the cluster. */
  readonly watchers: readonly Stored<EnvironmentSpec>[];
  /** What stood before the listing began. */
  readonly last: Standing | null;
}

interface News extends Omit<Extract<SurveyEnding, { readonly kind: 'done' }>, 'kind' | 'woken'> {
  readonly wakes: readonly Wake[];
}

async function listAndPublish(
  { cluster, inventory, watchers, last }: Listed,
  deps: SurveyDeps,
  signal: AbortSignal,
): Promise<News> {
  const known = await deps.facts.read(cluster);
  const before = known?.storeId === inventory.storeId ? known : null;
  const startedAt = deps.now();
  const adopt = watchers.map(({ value: spec }) => spec.adopt).filter((selector) => selector !== null);
  const seen = await deps.ecs.survey(cluster, adopt, signal);
  const { revision, storeId } = inventory;
  const published = await deps.facts.publish({ cluster, startedAt, revision, storeId, ...seen }, last);
  const inService = watchers.filter(({ value: spec }) => isInService(spec));
  return {
    published,
    // Not published: another listing is there, and whoever published that has woken those it concerns.
    wakes: published ? whomToWake(before, seen, inService) : [],
    hosts: seen.instances.length,
    tasks: seen.tasks.length,
    reads: seen.reads,
    readiness:
      watchers.some(({ value: spec }) => isRequired(spec)) ||
      seen.instances.some(({ attributes }) => attributes.has(READY_ATTRIBUTE)),
    // Who asked for one that was not published is still without.
    again: after(startedAt, published ? periodOf(seen, deps) : seen.reads * READ_MS),
  };
}

/** From the beginning of a survey to that of the next one, when nobody asks before. */
const periodOf = ({ reads }: { readonly reads: number }, { intervalMs }: Pick<SurveyDeps, 'intervalMs'>): number =>
  Math.max(intervalMs, reads * READ_MS);

/** Whether a survey failed to come (V3): the last one began two periods ago, or there is none. */
export function isOverdue(last: Standing | null, deps: Pick<SurveyDeps, 'now' | 'intervalMs'>): boolean {
  if (last === null || last.startedAt > deps.now()) return true;
  return after(last.startedAt, 2 * periodOf(last, deps)) <= deps.now();
}

interface Wake {
  readonly environment: EnvironmentSpec['id'];
  readonly reason: WakeReason;
}

/** Those for whom something changed, and those whose spec is newer than the last listing: they may wait for one that is not. */
export function whomToWake(
  before: Facts | null,
  seen: { readonly instances: readonly Instance[]; readonly tasks: readonly Task[] },
  watchers: readonly Stored<EnvironmentSpec>[],
): readonly Wake[] {
  const hosts = hostChange(before, seen.instances);
  if (hosts !== null || before === null) {
    return watchers.map(({ value: spec }) => ({ environment: spec.id, reason: hosts ?? 'drift' }));
  }
  const now = new Map<string, Task[]>();
  for (const task of seen.tasks) {
    const group = now.get(task.group);
    if (group === undefined) now.set(task.group, [task]);
    else group.push(task);
  }
  const changed = ({ value: spec, modified }: Stored<EnvironmentSpec>): boolean =>
    modified > before.revision || fingerprint(tasksFor(spec, before.tasks)) !== fingerprint(tasksFor(spec, now));
  return watchers.filter(changed).map(({ value: spec }) => ({ environment: spec.id, reason: 'drift' }));
}

function hostChange(before: Facts | null, instances: readonly Instance[]): 'instance-join' | 'drift' | null {
  if (before === null) return null;
  const ready = (instance: Instance | undefined): boolean => instance?.status === 'ACTIVE' && instance.agentConnected;
  if (instances.some((instance) => ready(instance) && !ready(before.instances.get(instance.arn))))
    return 'instance-join';
  const changed =
    instances.length !== before.instances.size ||
    instances.some((instance) => {
      const old = before.instances.get(instance.arn);
      const drained = instance.status === 'DRAINING' && instance.foreignTasks !== old?.foreignTasks;
      return (
        old === undefined ||
        old.status !== instance.status ||
        old.agentConnected !== instance.agentConnected ||
        drained ||
        isDescribedAnew(old, instance)
      );
    });
  return changed ? 'drift' : null;
}

const fingerprint = (tasks: readonly Task[]): string =>
  tasks
    .map((task) => `${task.arn} ${task.lastStatus} ${task.desiredStatus} ${task.health}`)
    .toSorted()
    .join('\n');
