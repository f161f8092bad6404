import type { Task } from '../domain/facts.ts';
import type { ClusterArn, TaskArn } from '../domain/ids.ts';

/** Clusters surveyed lately; the one surveyed longest ago goes first. */
const MOST_CLUSTERS = 64;
/** About 20 MB. ECS lists stopped tasks for an hour; a cluster that stops more an hour has the rest described each time. */
const MOST_TASKS = 20_000;

/**
 * Tasks seen STOPPED. They never change again, but ECS lists them for an hour more: without this memory 5,000 dead
 * tasks cost 50 reads in every survey.
 */
export class StoppedTasks {
  private readonly clusters = new Map<ClusterArn, ReadonlyMap<TaskArn, Task>>();

  of(cluster: ClusterArn): ReadonlyMap<TaskArn, Task> {
    return this.clusters.get(cluster) ?? new Map();
  }

  /** `tasks`: all that a survey listed. What it did not list any more is forgotten. */
  remember(cluster: ClusterArn, tasks: readonly Task[]): void {
    const stopped = tasks.filter((task) => task.lastStatus === 'STOPPED').slice(0, MOST_TASKS);
    this.clusters.delete(cluster);
    this.clusters.set(cluster, new Map(stopped.map((task) => [task.arn, task])));
    for (const oldest of this.clusters.keys()) {
      if (this.clusters.size <= MOST_CLUSTERS) return;
      this.clusters.delete(oldest);
    }
  }
}
