/**
 * The old cluster-state-service as the source of listings, in place of ECS's own.
 *
 * It tells no group of a task, no version and no moment, and `startedBy` is a deployment's id that somebody else may use.
 * So its tasks are taken for a list of ARNs alone, and each is described by ECS, except those once seen STOPPED: that is
 * what a survey by ECS does too, less its lists. Everything the planner reads of a task is ECS's own word, as ever.
 *
 * C1. Hosts are as it shows them, except that it calls none INACTIVE: a slot is forgotten only when ECS, asked, does.
 * C2. What it does not list is taken for not listed by ECS. So what it is behind ECS counts towards `--visibility`.
 * C3. All or nothing: any failed read, and any answer that cannot be read, fails the survey.
 */
import { z } from 'zod';
import { isOurs, type AdoptSelector } from '../domain/adoption.ts';
import { AttributePool, attributesOf, launchTypeOf } from '../domain/attributes.ts';
import { isLive, type Instance, type Task } from '../domain/facts.ts';
import { as, type ClusterArn, type InstanceArn, type TaskArn } from '../domain/ids.ts';
import { EcsReadError, type EcsGateway, type Survey } from '../ecs/gateway.ts';

/** A listing of thousands of tasks is some megabytes; it lies in an etcd next to the service. */
const ANSWER_WITHIN_MS = 10_000;
/** ECS describes up to 100 a call. */
const DESCRIBED_PER_CALL = 100;

const instancesSchema = z.object({
  items: z.array(
    z.object({
      entity: z.object({
        EC2InstanceID: z.string().optional(),
        containerInstanceARN: z.string().min(1),
        clusterARN: z.string(),
        agentConnected: z.boolean(),
        status: z.string().min(1),
        attributes: z
          .array(z.object({ name: z.string(), value: z.string().nullish() }))
          .nullish()
          .transform((given) => given ?? []),
        versionInfo: z.object({ agentVersion: z.string().optional() }).nullish(),
      }),
    }),
  ),
});
const tasksSchema = z.object({
  items: z.array(z.object({ entity: z.object({ taskARN: z.string().min(1), clusterARN: z.string() }) })),
});

export interface CssListingOptions {
  readonly host: string;
  readonly port: number;
  readonly ecs: Pick<EcsGateway, 'describeTasks'>;
}

export class CssListing implements Pick<EcsGateway, 'survey'> {
  private readonly options: CssListingOptions;
  /** Tasks seen STOPPED never change again. */
  private readonly stopped = new Map<ClusterArn, ReadonlyMap<TaskArn, Task>>();

  constructor(options: CssListingOptions) {
    this.options = options;
  }

  async survey(cluster: ClusterArn, adopt: readonly AdoptSelector[], signal: AbortSignal): Promise<Survey> {
    // Tasks first: a host that joins in between is seen without tasks, and has none.
    const listed = await this.ask('tasks', cluster, tasksSchema, signal);
    const hosts = await this.ask('instances', cluster, instancesSchema, signal);
    const arns = listed.items.flatMap(({ entity }) =>
      entity.clusterARN === cluster ? [as<TaskArn>(entity.taskARN)] : [],
    );
    const { tasks, described } = await this.describe(cluster, [...new Set(arns)], signal);
    const foreign = foreignTasks(tasks, adopt);
    const pool = new AttributePool();
    const instances = hosts.items
      .filter(({ entity }) => entity.clusterARN === cluster && entity.status !== 'INACTIVE')
      .map(({ entity }) => instanceOf(entity, foreign, pool));
    const ours = tasks.filter((task) => isOurs(task, adopt));
    return { instances, tasks: ours, reads: Math.ceil(described / DESCRIBED_PER_CALL) };
  }

  private async describe(
    cluster: ClusterArn,
    arns: readonly TaskArn[],
    signal: AbortSignal,
  ): Promise<{ readonly tasks: readonly Task[]; readonly described: number }> {
    const known = this.stopped.get(cluster) ?? new Map<TaskArn, Task>();
    const unknown = arns.filter((arn) => !known.has(arn));
    const answers = await this.options.ecs.describeTasks(cluster, unknown, signal, 'rollout');
    const tasks: Task[] = [];
    for (const arn of arns) {
      const task = known.get(arn) ?? answers.get(arn);
      if (task !== undefined && task !== 'MISSING') tasks.push(task);
    }
    this.stopped.set(cluster, new Map(tasks.filter((task) => !isLive(task)).map((task) => [task.arn, task])));
    return { tasks, described: unknown.length };
  }

  private async ask<T>(what: string, cluster: ClusterArn, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const { host, port } = this.options;
    const at = host.includes(':') ? `[${host}]` : host;
    const url = `http://${at}:${port}/v1/${what}?cluster=${encodeURIComponent(cluster)}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) });
      const body = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${body.slice(0, 200)}`);
      return schema.parse(JSON.parse(body));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new EcsReadError({ code: 'ClusterStateService', message: `${url}: ${why}` });
    }
  }
}

type Entity = z.output<typeof instancesSchema>['items'][number]['entity'];

const instanceOf = (entity: Entity, foreign: ReadonlyMap<InstanceArn, number>, pool: AttributePool): Instance => {
  const arn = as<InstanceArn>(entity.containerInstanceARN);
  const attributes = pool.of(attributesOf(entity.attributes));
  const ec2InstanceId = textOrNull(entity.EC2InstanceID);
  return {
    arn,
    ec2InstanceId,
    status: entity.status,
    agentConnected: entity.agentConnected,
    launchType: launchTypeOf(ec2InstanceId, attributes),
    registeredAt: null,
    // It tells none: whatever is sighted by its version is newer.
    version: 0,
    attributes,
    agentVersion: textOrNull(entity.versionInfo?.agentVersion),
    foreignTasks: foreign.get(arn) ?? 0,
  };
};

function foreignTasks(tasks: readonly Task[], adopt: readonly AdoptSelector[]): ReadonlyMap<InstanceArn, number> {
  const counts = new Map<InstanceArn, number>();
  for (const task of tasks) {
    if (task.instance !== null && isLive(task) && !isOurs(task, adopt)) {
      counts.set(task.instance, (counts.get(task.instance) ?? 0) + 1);
    }
  }
  return counts;
}

/** It leaves out what it does not know, or gives an empty text for it. */
const textOrNull = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);
