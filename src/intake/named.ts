/**
 * What a post to `/v1/cluster-events` names. Whoever can post is not trusted with facts: only ARNs are taken from it, and
 * only such as ECS accepts in a question about that cluster.
 */
import { z } from 'zod';
import { as, type ClusterArn, type InstanceArn, type TaskArn } from '../domain/ids.ts';
import { INSTANCE_CHANGE, TASK_CHANGE } from './ecs-event.ts';
import type { Hint } from './hints.ts';

/** Things a post may name: as many as ECS describes in one call, so that a post costs two reads at most. */
export const NAMES_PER_POST_MOST = 100;

const CLUSTER_ARN = /^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:cluster\/[a-zA-Z0-9_-]{1,255}$/;
/** With the cluster's name, or without in ARNs of before 2018. ECS's ids are UUIDs, with hyphens or without. */
const idPattern = (kind: string): RegExp =>
  new RegExp(`^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\\d{12}:${kind}/(?:[a-zA-Z0-9_-]{1,255}/)?[0-9a-f-]{32,36}$`);

const clusterArn = z.string().regex(CLUSTER_ARN, 'should be the ARN of a cluster');
const sameCluster = 'should be an ARN of the same cluster';

const instanceNamed = z
  .object({
    'detail-type': z.literal(INSTANCE_CHANGE),
    detail: z
      .object({
        clusterArn,
        containerInstanceArn: z
          .string()
          .regex(idPattern('container-instance'), 'should be the ARN of a container instance'),
      })
      .refine((named) => isOf(named.clusterArn, named.containerInstanceArn), {
        path: ['containerInstanceArn'],
        message: sameCluster,
      }),
  })
  .transform(({ detail }): Hint => ({
    kind: 'instance',
    cluster: as<ClusterArn>(detail.clusterArn),
    arn: as<InstanceArn>(detail.containerInstanceArn),
    atLeast: 0,
  }));

const taskNamed = z
  .object({
    'detail-type': z.literal(TASK_CHANGE),
    detail: z
      .object({ clusterArn, taskArn: z.string().regex(idPattern('task'), 'should be the ARN of a task') })
      .refine((named) => isOf(named.clusterArn, named.taskArn), { path: ['taskArn'], message: sameCluster }),
  })
  .transform(({ detail }): Hint => ({
    kind: 'task',
    cluster: as<ClusterArn>(detail.clusterArn),
    arn: as<TaskArn>(detail.taskArn),
    atLeast: 0,
  }));

const namedSchema = z.discriminatedUnion('detail-type', [instanceNamed, taskNamed]);

/** Partition, region, account and, where the ARN tells it, the name of the cluster. */
function isOf(cluster: string, arn: string): boolean {
  const [clusterHead, clusterName] = cluster.split(':cluster/');
  const [, head, name] = /^(.+):(?:task|container-instance)\/(?:([^/]+)\/)?[^/]+$/.exec(arn) ?? [];
  return head === clusterHead && (name === undefined || name === clusterName);
}

export type Named =
  | { readonly kind: 'named'; readonly hints: readonly Hint[] }
  /** One line for each fault, naming the field and the rule. */
  | { readonly kind: 'wrong'; readonly faults: readonly string[] };

/** One event, or a list of up to `NAMES_PER_POST_MOST`. */
export function namedIn(body: string): Named {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { kind: 'wrong', faults: ['body should be JSON'] };
  }
  const events = Array.isArray(json) ? (json as readonly unknown[]) : [json];
  if (events.length === 0) return { kind: 'wrong', faults: ['body should have at least 1 items'] };
  if (events.length > NAMES_PER_POST_MOST) {
    return { kind: 'wrong', faults: [`body should have at most ${NAMES_PER_POST_MOST} items`] };
  }
  const hints: Hint[] = [];
  const faults: string[] = [];
  for (const [n, event] of events.entries()) {
    const parsed = namedSchema.safeParse(event, { error: rule });
    if (parsed.success) hints.push(parsed.data);
    else for (const issue of parsed.error.issues) faults.push(faultText(issue, Array.isArray(json) ? n : null));
  }
  return faults.length > 0
    ? { kind: 'wrong', faults: faults.slice(0, FAULTS_SHOWN_MOST) }
    : { kind: 'named', hints: distinct(hints) };
}

/** Where a schema says nothing of its own. */
function rule({ code, input, expected }: z.core.$ZodRawIssue): string | undefined {
  if (code === 'invalid_union') return `should be one of [${INSTANCE_CHANGE} ${TASK_CHANGE}]`;
  if (code !== 'invalid_type') return undefined;
  return input === undefined || input === null ? 'is required' : `must be of type ${expected}`;
}

/** Faults shown of a body of many wrong events. */
const FAULTS_SHOWN_MOST = 10;

function faultText({ path, message }: z.core.$ZodIssue, n: number | null): string {
  const where = [...(n === null ? [] : [n]), ...path].join('.');
  return `${where === '' ? 'body' : `${where} in body`} ${message}`;
}

const distinct = (hints: readonly Hint[]): readonly Hint[] => [
  ...new Map(hints.map((hint) => [hint.arn as string, hint])).values(),
];
