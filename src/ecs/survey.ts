/**
 * The listing of a whole cluster.
 * L1. RUNNING is listed to its last page before STOPPED begins: a task on its way out is in the second only, so it is in one of them.
 * L2. All or nothing: any failed read fails the survey.
 */
import { ListContainerInstancesCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { isOurs, type AdoptSelector } from '../domain/adoption.ts';
import type { Instance, Task } from '../domain/facts.ts';
import { isLive } from '../domain/facts.ts';
import type { ClusterArn, InstanceArn, TaskArn } from '../domain/ids.ts';
import { as } from '../domain/ids.ts';
import type { ReadBounds } from './aws-client.ts';
import { bounded } from '../concurrency/bounded.ts';
import { describeInstances, describeTasks } from './describe.ts';
import type { EcsReader } from './describe.ts';
import type { Survey } from './gateway.ts';
import type { StoppedTasks } from './stopped-tasks.ts';

/** ECS API reference: the most a page may hold. A page may be shorter, so only `nextToken` tells the last one. */
const PAGE_SIZE = 100;

export interface SurveyCall {
  readonly client: EcsReader;
  readonly cluster: ClusterArn;
  /** Of the cluster's environments. */
  readonly adopt: readonly AdoptSelector[];
  readonly stopped: StoppedTasks;
  readonly signal: AbortSignal;
}

export async function surveyCluster({ client, cluster, adopt, stopped, signal }: SurveyCall): Promise<Survey> {
  const meter = { reads: 0 };
  // One that fails takes the other along, so that no tokens are spent on half a survey.
  const bound = bounded(signal, null);
  // The least urgent reader: it comes again anyway, and a turn's look is waited for.
  const bounds: ReadBounds = { priority: 'rollout', signal: bound.signal, meter };
  try {
    const [instances, tasks] = await Promise.all([
      listedInstances(client, cluster, bounds),
      listedTasks(client, cluster, stopped, bounds),
    ]);
    const foreign = foreignTasksByInstance(tasks, adopt);
    return {
      instances: instances.map((instance) => ({ ...instance, foreignTasks: foreign.get(instance.arn) ?? 0 })),
      tasks: tasks.filter((task) => isOurs(task, adopt)),
      reads: meter.reads,
    };
  } catch (error) {
    bound.abort();
    throw error;
  } finally {
    bound.release();
  }
}

/** Whatever is not INACTIVE, which is what ECS lists when no status is asked for. */
async function listedInstances(
  client: EcsReader,
  cluster: ClusterArn,
  bounds: ReadBounds,
): Promise<readonly Instance[]> {
  const arns = await allPages(async (nextToken) => {
    const page = await client.read(
      new ListContainerInstancesCommand({ cluster, maxResults: PAGE_SIZE, nextToken }),
      bounds,
    );
    return { items: page.containerInstanceArns ?? [], nextToken: page.nextToken };
  });
  const described = await describeInstances(client, cluster, arns.map(as<InstanceArn>), bounds);
  return [...described.values()].filter((instance) => instance !== 'MISSING');
}

async function listedTasks(
  client: EcsReader,
  cluster: ClusterArn,
  stopped: StoppedTasks,
  bounds: ReadBounds,
): Promise<readonly Task[]> {
  const list = (desiredStatus: 'RUNNING' | 'STOPPED'): Promise<readonly string[]> =>
    allPages(async (nextToken) => {
      const page = await client.read(
        new ListTasksCommand({ cluster, desiredStatus, maxResults: PAGE_SIZE, nextToken }),
        bounds,
      );
      return { items: page.taskArns ?? [], nextToken: page.nextToken };
    });
  const running = await list('RUNNING');
  const stopping = await list('STOPPED');
  const arns = [...new Set([...running, ...stopping])].map(as<TaskArn>);
  const known = stopped.of(cluster);
  const unknown = arns.filter((arn) => !known.has(arn));
  const described = await describeTasks(client, cluster, unknown, bounds);
  const tasks = arns.map((arn) => known.get(arn) ?? described.get(arn)).filter(isTask);
  stopped.remember(cluster, tasks);
  return tasks;
}

interface Page {
  readonly items: readonly string[];
  readonly nextToken: string | undefined;
}

async function allPages(read: (nextToken: string | undefined) => Promise<Page>): Promise<readonly string[]> {
  const items: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await read(nextToken);
    for (const item of page.items) items.push(item);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
  return items;
}

function foreignTasksByInstance(
  tasks: readonly Task[],
  adopt: readonly AdoptSelector[],
): ReadonlyMap<InstanceArn, number> {
  const counts = new Map<InstanceArn, number>();
  for (const task of tasks) {
    if (task.instance === null || isOurs(task, adopt) || !isLive(task)) continue;
    counts.set(task.instance, (counts.get(task.instance) ?? 0) + 1);
  }
  return counts;
}

const isTask = (task: Task | 'MISSING' | undefined): task is Task => task !== undefined && task !== 'MISSING';
