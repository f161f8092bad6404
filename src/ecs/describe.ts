/** DescribeTasks and DescribeContainerInstances for any number of ARNs. What ECS does not answer for is an error. */
import pMap from 'p-map';
import { DescribeContainerInstancesCommand, DescribeTasksCommand } from '@aws-sdk/client-ecs';
import type { Failure } from '@aws-sdk/client-ecs';
import { AttributePool } from '../domain/attributes.ts';
import type { Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, InstanceArn, TaskArn } from '../domain/ids.ts';
import { onlyOnce } from '../domain/only-once.ts';
import type { AwsClient, ReadBounds } from './aws-client.ts';
import { instanceFromEcs, taskFromEcs } from './facts-from-ecs.ts';
import { EcsReadError } from './gateway.ts';

/** ECS API reference: both calls take up to 100. */
const MOST_PER_CALL = 100;
/** Enough to use up the read bucket's 20 a second at 200 ms a call. */
export const CALLS_AT_ONCE = 4;

/** What reading needs of a client. */
export type EcsReader = Pick<AwsClient, 'read' | 'offset'>;

export type Described<Arn, Thing> = ReadonlyMap<Arn, Thing | 'MISSING'>;

export function describeTasks(
  client: EcsReader,
  cluster: ClusterArn,
  arns: readonly TaskArn[],
  bounds: ReadBounds,
): Promise<Described<TaskArn, Task>> {
  const one = onlyOnce();
  return describeAll(arns, async (batch) => {
    const { tasks = [], failures = [] } = await client.read(
      new DescribeTasksCommand({ cluster, tasks: [...batch] }),
      bounds,
    );
    const found = tasks.map((task) => taskFromEcs(task, (moment) => client.offset.ours(moment), one));
    return { found: found.map((task) => [task.arn, task]), failures };
  });
}

export function describeInstances(
  client: EcsReader,
  cluster: ClusterArn,
  arns: readonly InstanceArn[],
  bounds: ReadBounds,
): Promise<Described<InstanceArn, Instance>> {
  const pool = new AttributePool();
  return describeAll(arns, async (batch) => {
    const { containerInstances = [], failures = [] } = await client.read(
      new DescribeContainerInstancesCommand({ cluster, containerInstances: [...batch] }),
      bounds,
    );
    const found = containerInstances.map((one) => instanceFromEcs(one, (moment) => client.offset.ours(moment), pool));
    return { found: found.map((one) => [one.arn, one]), failures };
  });
}

interface Answer<Arn, Thing> {
  readonly found: readonly (readonly [Arn, Thing])[];
  readonly failures: readonly Failure[];
}

export async function describeAll<Arn extends string, Thing>(
  arns: readonly Arn[],
  describe: (batch: readonly Arn[]) => Promise<Answer<Arn, Thing>>,
): Promise<Described<Arn, Thing>> {
  const unique = [...new Set(arns)];
  const result = new Map<Arn, Thing | 'MISSING'>();
  const answers = await pMap(batches(unique), describe, { concurrency: CALLS_AT_ONCE });
  for (const { found, failures } of answers) {
    for (const [arn, thing] of found) result.set(arn, thing);
    for (const failure of failures) {
      if (failure.reason !== 'MISSING') throw new EcsReadError(faultOf(failure));
      result.set(failure.arn as Arn, 'MISSING');
    }
  }
  for (const arn of unique) {
    // Not named at all is no evidence of anything, least of all that it is gone.
    if (!result.has(arn))
      throw new EcsReadError({ code: 'IncompleteAnswer', message: `ECS did not answer for ${arn}` });
  }
  return result;
}

export const batches = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / MOST_PER_CALL) }, (_, n) =>
    items.slice(n * MOST_PER_CALL, (n + 1) * MOST_PER_CALL),
  );

const faultOf = ({ reason, arn, detail }: Failure): { readonly code: string; readonly message: string } => ({
  code: reason ?? 'UNKNOWN',
  message: detail ?? `cannot describe ${arn ?? 'what was asked for'}`,
});
