/** What is still to be done once nothing goes wrong any more: N12 to N14, against the model and the store. */
import type { World } from '../src/domain/world.ts';
import { groupOf, type EnvironmentName } from '../src/domain/ids.ts';
import type { MemoryStore } from '../src/store/memory-store.ts';
import type { LiveTask } from '../sim/model/model.ts';
import type { Invariant } from './invariants.ts';
import { covers } from './definitions.ts';
import { EPOCH } from './process.ts';
import type { Cluster } from './world.ts';

export interface Remaining {
  readonly invariant: Invariant;
  readonly detail: string;
}

/** The first thing that is not as it should be; null: all is well. */
export async function remaining({
  memory,
  cluster,
  names,
  mayStay,
}: {
  readonly memory: MemoryStore;
  readonly cluster: Cluster;
  readonly names: readonly EnvironmentName[];
  /** The task belongs to an environment that was deleted without its tasks. */
  readonly mayStay: (task: LiveTask) => boolean;
}): Promise<Remaining | null> {
  const { specs } = await memory.inventory();
  const hosts = cluster.hosts();
  const daemons = cluster.daemons();
  for (const name of names) {
    const record = await memory.read(name);
    const tasks = daemons.filter(({ group }) => group === groupOf(name));
    if (record === null) {
      // A task whose agent is gone was told to stop; ECS never hears that it did.
      const isLeft = (task: LiveTask): boolean =>
        !mayStay(task) && (task.desiredStatus === 'RUNNING' || !cluster.isAbandoned(task.containerInstanceArn));
      const left = tasks.find(isLeft);
      if (left !== undefined) return { invariant: 'N14', detail: `${left.taskArn} of ${name} is left` };
      continue;
    }
    const world = memory.peek(record.spec.value.id);
    if (world === null) return { invariant: 'N14', detail: `${name} has no world` };
    const undone = undoneOf(world, hosts, tasks);
    if (undone !== null) return undone;
    for (const { value: launch } of world.launches.values()) {
      return { invariant: 'N13', detail: `${launch.id} of ${name} is open since ${launch.committedAt - EPOCH}` };
    }
    const ready = new Set(hosts.filter((host) => host.status === 'ACTIVE' && host.agentConnected).map(arnOf));
    for (const { value: slot } of world.slots.values()) {
      // Promised while the host drained: it is carried out, and the task replaced.
      if (slot.stop !== null && ready.has(slot.instance)) {
        return { invariant: 'N12', detail: `the task of ${name} on ${slot.instance} is still to be stopped` };
      }
    }
    for (const task of tasks) {
      const recorded = [...world.slots.values()].some(({ value }) => value.task?.arn === task.taskArn);
      if (!recorded && !cluster.isAbandoned(task.containerInstanceArn)) {
        return { invariant: 'N12', detail: `${task.taskArn} of ${name} is not recorded` };
      }
    }
  }
  return specs.length > names.length ? { invariant: 'N14', detail: 'an environment is left' } : null;
}

const arnOf = ({ containerInstanceArn }: { readonly containerInstanceArn: string }): string => containerInstanceArn;

function undoneOf(
  record: World,
  hosts: ReturnType<Cluster['hosts']>,
  tasks: ReturnType<Cluster['daemons']>,
): Remaining | null {
  const { name, deletion, target } = record.spec.value;
  if (deletion !== null) return { invariant: 'N14', detail: `${name} is still being deleted` };
  const running = tasks.filter(
    ({ lastStatus, desiredStatus }) => lastStatus === 'RUNNING' && desiredStatus === 'RUNNING',
  );
  const deployment = target === null ? undefined : record.deployments.get(target)?.value;
  for (const host of hosts) {
    const { containerInstanceArn: arn, status, agentConnected } = host;
    const here = tasks.filter((task) => task.containerInstanceArn === arn);
    const well = running.filter((task) => task.containerInstanceArn === arn).length;
    if (!agentConnected) continue;
    const wanted = status === 'ACTIVE' && deployment !== undefined && covers(deployment.revision.query, host) ? 1 : 0;
    if (here.length !== wanted || well !== wanted) {
      return { invariant: 'N12', detail: `${arn} has ${here.length} (${well} running) of ${name}, not ${wanted}` };
    }
    const outdated = here.find((task) => !isCurrent(task, record));
    if (outdated !== undefined) return { invariant: 'N12', detail: `${arn} keeps ${outdated.taskArn} of ${name}` };
  }
  if (target === null || record.progress.get(target)?.state !== 'completed') {
    return { invariant: 'N12', detail: `the deployment of ${name} is not completed` };
  }
  if (record.status?.health !== 'healthy') {
    return { invariant: 'N12', detail: `${name} calls itself ${record.status?.reasons.join('; ') ?? 'nothing'}` };
  }
  return null;
}

/**
 * Launched for what the target deploys; or adopted since it is the target, and then left as it is until the next. A rollback
 * leaves what was adopted under the deployment that it brings back, too.
 */
function isCurrent({ startedBy, containerInstanceArn: host, taskArn }: LiveTask, record: World): boolean {
  const { target } = record.spec.value;
  const deployments = [...record.deployments.values()].map(({ value }) => value);
  const wanted = deployments.find(({ id }) => id === target);
  const launchedBy = deployments.find(({ id }) => id === startedBy);
  if (launchedBy !== undefined) return launchedBy.template === wanted?.template;
  const recorded = [...record.slots.values()].find(({ value }) => value.instance === host)?.value.task;
  if (recorded?.arn !== taskArn || recorded.launch !== null) return false;
  for (let one = wanted; one !== undefined;) {
    const { id, kind, base, template } = one;
    if (recorded.template.endsWith(` ${id}`)) return true;
    one = deployments.find((before) => kind === 'rollback' && before.id === base && before.template === template);
  }
  return false;
}
