import { candidateHosts } from './container-instances.ts';
import { isExternal } from './hosts.ts';
import { matches } from './query-evaluation.ts';
import type { Query } from './query-parser.ts';
import { missingResource } from './resources.ts';
import type { Cluster, Failure, Host, Task, TaskDefinition, TaskNeeds } from './records.ts';
import type { World } from './world.ts';

export interface PlacementRequest {
  readonly cluster: Cluster;
  readonly definition: TaskDefinition;
  readonly needs: TaskNeeds;
  readonly group: string;
  readonly launchType: 'EC2' | 'EXTERNAL';
  readonly memberOf: readonly Query[];
  readonly distinctInstance: boolean;
}

/**
 * Chooses hosts for `count` tasks and creates each task through `create`, which must reserve its resources at once.
 * Strategies are best effort in ECS; here the host with the fewest tasks wins, then the oldest registration.
 */
export function place(
  world: World,
  request: PlacementRequest,
  count: number,
  create: (host: Host) => Task,
): { readonly tasks: readonly Task[]; readonly failures: readonly Failure[] } {
  const examined = examinedHosts(request);
  if (examined.length === 0) {
    return { tasks: [], failures: [{ reason: 'MemberOf placement constraint unsatisfied' }] };
  }
  const tasks: Task[] = [];
  const used = new Set<Host>();
  while (tasks.length < count) {
    const host = leastLoaded(examined.filter((each) => refusal(world, request, each, used) === null));
    if (host === null) break;
    used.add(host);
    tasks.push(create(host));
  }
  if (tasks.length === count) return { tasks, failures: [] };
  const failures = examined.flatMap((host) => {
    const reason = refusal(world, request, host, used);
    return reason === null ? [] : [{ arn: host.arn, reason }];
  });
  return { tasks, failures };
}

/** Why a host lacks what the definition and the sizes ask for, whoever chose it. */
export function incapacity(host: Host, definition: TaskDefinition, needs: TaskNeeds): string | null {
  if (!host.agentConnected) return 'AGENT';
  const lacks = definition.requiredAttributes.some(
    ({ name, value }) => !host.attributes.has(name) || (value !== undefined && host.attributes.get(name) !== value),
  );
  return lacks ? 'ATTRIBUTE' : missingResource(host, needs);
}

function examinedHosts(request: PlacementRequest): readonly Host[] {
  const pinning = request.memberOf.map((query) => candidateHosts(request.cluster, query));
  const narrowest = pinning.toSorted((a, b) => a.length - b.length)[0] ?? candidateHosts(request.cluster, null);
  return narrowest.filter(
    (host) =>
      host.status === 'ACTIVE' &&
      isExternal(host) === (request.launchType === 'EXTERNAL') &&
      request.memberOf.every((query) => matches(query, host)),
  );
}

function refusal(world: World, request: PlacementRequest, host: Host, used: ReadonlySet<Host>): string | null {
  const reason = incapacity(host, request.definition, request.needs);
  if (reason !== null || !request.distinctInstance) return reason;
  const occupied = used.has(host) || seesTaskOfGroup(world, host, request.group);
  return occupied ? 'DistinctInstance placement constraint unsatisfied' : null;
}

/**
 * Whether distinctInstance sees a task of the group from an earlier call. ECS goes by the desired status, so a task that
 * is still stopping is not seen in any mode.
 */
function seesTaskOfGroup(world: World, host: Host, group: string): boolean {
  const { distinctInstance, distinctInstanceLagMs } = world.options;
  if (distinctInstance === 'off') return false;
  const newest = distinctInstance === 'strict' ? world.now : world.now - distinctInstanceLagMs;
  return [...host.tasks].some(
    (task) => task.group === group && task.desiredStatus === 'RUNNING' && task.createdAt <= newest,
  );
}

function leastLoaded(hosts: readonly Host[]): Host | null {
  let best: Host | null = null;
  for (const host of hosts) {
    if (best === null || host.tasks.size < best.tasks.size) best = host;
  }
  return best;
}
