import { SharedQuestions } from '../concurrency/shared-question.ts';
import type { ClusterArn } from '../domain/ids.ts';

export type Describe<Arn extends string, Thing> = (
  cluster: ClusterArn,
  arns: readonly Arn[],
) => Promise<ReadonlyMap<Arn, Thing | 'MISSING'>>;

/** Descriptions asked for while others are under way go together: a thousand tasks that end at once are ten calls. */
export class Describer<Arn extends string, Thing> {
  private readonly wanted = new Map<ClusterArn, Set<Arn>>();
  private readonly question: SharedQuestions<ClusterArn, ReadonlyMap<Arn, Thing | 'MISSING'>>;

  constructor(describe: Describe<Arn, Thing>) {
    this.question = new SharedQuestions((cluster) => {
      const arns = [...(this.wanted.get(cluster) ?? [])];
      this.wanted.delete(cluster);
      return describe(cluster, arns);
    });
  }

  /** The answer holds what was asked for, and what others asked for along with it. Throws EcsReadError. */
  async ask(cluster: ClusterArn, arns: readonly Arn[]): Promise<ReadonlyMap<Arn, Thing | 'MISSING'>> {
    if (arns.length === 0) return new Map();
    const wanted = this.wanted.get(cluster) ?? new Set<Arn>();
    this.wanted.set(cluster, wanted);
    for (const arn of arns) wanted.add(arn);
    return await this.question.ask(cluster);
  }
}
