/** ECS's own request buckets, as far as we use them: one of each per account and region. */
import type { Priority } from '../domain/plan.ts';

export type Bucket = 'modify' | 'read' | 'cluster-read' | 'task-definition-read';

export interface BucketLimits {
  /** Tokens a full bucket holds; at least 1. */
  readonly burst: number;
  readonly perSecond: number;
}

export type Limits = Readonly<Record<Bucket, BucketLimits>>;

/**
 * The part of a burst we use. Calls that left one after the other may reach ECS together, the first of them late: a
 * tenth of 100 tokens is what 40 a second bring in a quarter of a second. Throttled by that, we would halve our rate.
 */
const BURST_USED = 0.9;

/** ECS's numbers (its documentation, "Request throttling for the Amazon ECS API"), less the headroom. */
export const ECS_LIMITS: Limits = {
  modify: { burst: 100 * BURST_USED, perSecond: 40 },
  read: { burst: 100 * BURST_USED, perSecond: 20 },
  'cluster-read': { burst: 50 * BURST_USED, perSecond: 20 },
  'task-definition-read': { burst: 50 * BURST_USED, perSecond: 20 },
};

/** Every command we send, and the bucket ECS counts it in. */
export const BUCKET_OF: Readonly<Record<string, Bucket>> = {
  RunTaskCommand: 'modify',
  StartTaskCommand: 'modify',
  StopTaskCommand: 'modify',
  PutAttributesCommand: 'modify',
  DeleteAttributesCommand: 'modify',
  ListContainerInstancesCommand: 'read',
  DescribeContainerInstancesCommand: 'read',
  ListTasksCommand: 'read',
  DescribeTasksCommand: 'read',
  DescribeClustersCommand: 'cluster-read',
  DescribeTaskDefinitionCommand: 'task-definition-read',
};

/**
 * The part of a full bucket that a call of this priority leaves to those before it. A host that lost its daemon may
 * take the last token. A joining host leaves a tenth, which is nine repairs at once. A rollout leaves a quarter: it is
 * the only one that comes by the thousand, and it can wait.
 */
export const RESERVED_SHARE: Readonly<Record<Priority, number>> = { repair: 0, 'new-host': 0.1, rollout: 0.25 };

/** First come those who may take more. */
export const BY_URGENCY: readonly Priority[] = ['repair', 'new-host', 'rollout'];

/** Every bucket at `share` of its size, above 0; over 1 where AWS raised them. A burst stays at least 1. */
export function scaled(limits: Limits, share: number): Limits {
  if (!(share > 0)) throw new RangeError(`share of the ECS budget must be above 0: ${share}`);
  const one = ({ burst, perSecond }: BucketLimits): BucketLimits => ({
    burst: Math.max(1, burst * share),
    perSecond: perSecond * share,
  });
  return {
    modify: one(limits.modify),
    read: one(limits.read),
    'cluster-read': one(limits['cluster-read']),
    'task-definition-read': one(limits['task-definition-read']),
  };
}
