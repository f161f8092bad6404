/**
 * Why a host is as it is, in words. What is written of a host changes for a reason, so the entry is read off the change
 * itself and stands in the same commit: there is no decision without its entry, and no entry without its decision.
 */
import type { InstanceArn, Instant, Template } from '../domain/ids.ts';
import { HISTORY_KEPT, type HistoryEntry, type PlacedTask, type Slot, type StopRequest } from '../domain/launch.ts';
import type { Change } from '../domain/plan.ts';

/** The slot with its entries counted, and the writes of both. */
export function recordChange(
  before: Slot | undefined,
  after: Slot,
  now: Instant,
): { readonly slot: Slot; readonly changes: readonly Change[] } {
  const entries = entriesOf(before, after, now);
  const slot = entries.length === 0 ? after : { ...after, entries: after.entries + entries.length };
  return {
    slot,
    changes: [
      { kind: 'put-slot', slot },
      ...entries.map((entry, index) => historyChange(slot.instance, after.entries + index, entry)),
    ],
  };
}

const historyChange = (instance: InstanceArn, count: number, entry: HistoryEntry): Change => ({
  kind: 'put-history',
  instance,
  place: count % HISTORY_KEPT,
  entry,
});

function entriesOf(before: Slot | undefined, after: Slot, at: Instant): readonly HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  const add = (saw: string, rule: string, did: string, outcome: string | null = null): void => {
    entries.push({ at, saw, rule, did, outcome });
  };
  const was = before?.task ?? null;
  const is = after.task;
  const sameTask = was !== null && is !== null && was.arn === is.arn;

  if (was !== null && !sameTask) add(endSeen(before, after, was), 'H1', `recorded the end of ${short(was)}`);
  if (after.tries.count > countOf(before, after.tries.template) && was === null) {
    add(
      'no task here',
      'H2',
      'asked ECS for a task',
      `none: ${after.tries.reason ?? 'no reason given'}; next try in ${seconds(at, after.tries.until)}`,
    );
  }
  if (is !== null && !sameTask) {
    if (is.launch === null) add(`${short(is)} runs and nobody recorded it`, 'H4', 'adopted it', revisionOf(is));
    else add('no task here', 'H2', `RunTask ${is.launch}`, `${short(is)}, ${revisionOf(is)}`);
  }
  if (is !== null && is.readyAt !== null && !(sameTask && was.readyAt !== null)) {
    add(`${short(is)} RUNNING for ${seconds(is.ranAt ?? is.readyAt, is.readyAt)}`, 'readiness', 'called it ready');
  }
  const stopWas = sameTask ? (before?.stop ?? null) : null;
  if (is !== null && after.stop !== null && stopWas === null) {
    add(stopSeen(after.stop.reason, is), STOP_RULES[after.stop.reason], `StopTask ${short(is)}`);
  }
  if (is !== null && after.stop === null && stopWas !== null) {
    add(`the stop of ${short(is)} is not wanted any more`, 'R2', 'withdrew it');
  }
  if (after.retried !== (before?.retried ?? 0)) add('a person asked for a retry', 'retry', 'forgot the failed tries');
  return entries;
}

const STOP_RULES: { readonly [reason in StopRequest['reason']]: string } = {
  draining: 'H8',
  deletion: 'D2',
  update: 'U1',
  'not-matching': 'H8',
  unhealthy: 'readiness',
};

function stopSeen(reason: StopRequest['reason'], task: PlacedTask): string {
  switch (reason) {
    case 'draining':
      return 'the host drains and its turn has come';
    case 'deletion':
      return 'the environment is deleted';
    case 'update':
      return `${short(task)} is outdated: ${revisionOf(task)}`;
    case 'not-matching':
      return 'the query of the instance group does not match the host';
    case 'unhealthy':
      return `${short(task)} is UNHEALTHY`;
  }
}

const countOf = (slot: Slot | undefined, template: Template | null): number =>
  slot === undefined || slot.tries.template !== template ? 0 : slot.tries.count;

function endSeen(before: Slot | undefined, after: Slot, task: PlacedTask): string {
  const stop = before?.stop ?? null;
  if (stop !== null && stop.reason !== 'unhealthy') return `${short(task)} STOPPED, as asked for (${stop.reason})`;
  const counted = after.tries !== before?.tries && after.tries.count > 0;
  const reason = counted && after.tries.reason !== null ? `: ${after.tries.reason}` : '';
  return `${short(task)} STOPPED${reason}`;
}

const revisionOf = ({ revision, taskDefinition }: PlacedTask): string => {
  const definition = taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1);
  return revision === null ? `${definition}, not launched by us` : `${definition}, revision ${revision}`;
};

const short = ({ arn }: PlacedTask): string => `task ${arn.slice(arn.lastIndexOf('/') + 1)}`;
const seconds = (from: Instant, to: Instant): string => `${Math.max(0, Math.round((to - from) / 1_000))} s`;
