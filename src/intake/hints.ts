import type { ClusterArn, InstanceArn, TaskArn } from '../domain/ids.ts';

/** Something that ECS is to be asked about. A hint is never believed: what counts is ECS's answer. */
export type Hint =
  | { readonly kind: 'instance'; readonly cluster: ClusterArn; readonly arn: InstanceArn; readonly atLeast: number }
  /** `atLeast`: the version somebody saw; an older answer is not the answer yet. 0: none is known. */
  | { readonly kind: 'task'; readonly cluster: ClusterArn; readonly arn: TaskArn; readonly atLeast: number };

/** The port to the queue of hints. */
export interface HintQueue {
  /** True when they are surely in the queue. Never throws, and never waits long. */
  add(hints: readonly Hint[]): Promise<boolean>;
}
