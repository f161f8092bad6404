/**
 * Which hosts carry the attribute `daemons.ready`: the pure rule.
 *
 * M1. A host is ready when some required environment is for it, and each of those has a ready task there.
 * M2. A mark is set or taken away only where facts say so. What they cannot tell leaves the host as it is: a mark that
 *     flaps holds up applications.
 */
import { tasksFor } from '../domain/adoption.ts';
import { READY_ATTRIBUTE, type Facts, type Instance, type Task } from '../domain/facts.ts';
import type { InstanceArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { RequiredEnvironment } from '../domain/required.ts';
import { matches } from '../query/matches.ts';
import { parseQuery } from '../query/parse.ts';
import type { ParsedQuery } from '../query/query.ts';

/** What applications ask for: `attribute:daemons.ready == true`. */
export const READY_VALUE = 'true';

export interface ReadinessView {
  readonly facts: Facts;
  readonly required: readonly RequiredEnvironment[];
  /** Nobody surveys the cluster any more, so what facts tell of marks may be old: each host may carry one. */
  readonly last: boolean;
  /** What we set (true) or took away (false), as far as these facts may not show it yet. */
  readonly written: ReadonlyMap<InstanceArn, boolean>;
}

export interface ReadinessPlan {
  readonly set: readonly InstanceArn[];
  readonly unset: readonly InstanceArn[];
}

export function planReadiness({ facts, required, last, written }: ReadinessView): ReadinessPlan {
  const daemons = required.map((one) => daemonOf(one, facts));
  const set: InstanceArn[] = [];
  const unset: InstanceArn[] = [];
  for (const host of facts.instances.values()) {
    if (host.status !== 'ACTIVE' && host.status !== 'DRAINING') continue;
    const ours = written.get(host.arn);
    if (last) {
      if (ours !== false) unset.push(host.arn);
      continue;
    }
    // Every host has attributes: a view without any does not tell them.
    if (host.attributes.size === 0) continue;
    const verdict = verdictOn(host, daemons);
    if (verdict === 'ready' && !(ours ?? host.attributes.get(READY_ATTRIBUTE) === READY_VALUE)) set.push(host.arn);
    if (verdict === 'not ready' && (ours ?? host.attributes.has(READY_ATTRIBUTE))) unset.push(host.arn);
  }
  return { set, unset };
}

interface Daemon {
  readonly excluded: ReadonlySet<InstanceArn>;
  readonly query: ParsedQuery | null;
  readonly readyOn: ReadonlySet<InstanceArn>;
  /** Facts may lack tasks that it has. */
  readonly unseen: boolean;
}

function daemonOf({ spec: { value: spec, modified }, target, revisions }: RequiredEnvironment, facts: Facts): Daemon {
  const { query } = target.revision;
  const checked = new Set(
    [...revisions, target.revision].filter((one) => one.healthCheck).map((one) => one.taskDefinition),
  );
  const readyOn = new Set<InstanceArn>();
  for (const task of tasksFor(spec, facts.tasks))
    if (task.instance !== null && isReady(task, checked)) readyOn.add(task.instance);
  return {
    excluded: new Set(spec.excluded),
    query: query === null ? null : parseQuery(query),
    readyOn,
    // A listing keeps the tasks that the selectors of its time select.
    unseen: spec.adopt !== null && modified > facts.revision,
  };
}

/**
 * A rollout leaves tasks of several revisions, so whether one has a health check is its own revision's to say. A task that
 * is adopted has none that we know of, and is ready unless ECS calls it unhealthy.
 */
const isReady = (task: Task, checked: ReadonlySet<TaskDefinitionArn>): boolean =>
  task.lastStatus === 'RUNNING' &&
  task.desiredStatus === 'RUNNING' &&
  (checked.has(task.taskDefinition) ? task.health === 'HEALTHY' : task.health !== 'UNHEALTHY');

function verdictOn(host: Instance, daemons: readonly Daemon[]): 'ready' | 'not ready' | 'unknown' {
  let concerned = false;
  let unknown = false;
  for (const { excluded, query, readyOn, unseen } of daemons) {
    if (excluded.has(host.arn)) continue;
    // The query was checked when it was written; another release may read it otherwise.
    if (query !== null && !query.ok) unknown = true;
    else if (query === null || matches(query.query, host)) {
      concerned = true;
      const ready = readyOn.has(host.arn);
      if (!host.agentConnected || !(ready || unseen)) return 'not ready';
      if (!ready) unknown = true;
    }
  }
  if (unknown) return 'unknown';
  return concerned ? 'ready' : 'not ready';
}
