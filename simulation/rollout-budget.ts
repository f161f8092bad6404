/**
 * Which hosts a rollout has emptied, and how many it may: what N16 compares.
 *
 * B1. A host counts from the arrival of an update's stop that took a running task away, one that had been recorded as ready,
 *     until a task runs there again. A host that left the scope in between (not ACTIVE, disconnected, excluded, not covered by
 *     the target's query) counts no more: nobody could tell whose gap it is. Nor do those that a first deployment emptied,
 *     once another takes its place and has waves: they get nothing before theirs opens.
 * B2. It is compared when a host is added, with the largest limit of the last `LIMIT_MEMORY_MS`, each of the target there was
 *     then and of the hosts that one covers: a turn decides by facts of
 *     some age, and its call may be late. For as long a host that joined, returned, or was activated or relabelled is not
 *     counted: those facts may not show it yet. Nor is one whose stop was withdrawn while it was under way.
 */
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../src/domain/environment.ts';
import type { EnvironmentId, InstanceArn } from '../src/domain/ids.ts';
import { hostsOf } from '../src/domain/revision.ts';
import type { HostSummary } from '../sim/model/model.ts';
import { covers } from './definitions.ts';
import type { Timeline } from './timeline.ts';
import type { Cluster } from './world.ts';

/** As old as facts get: a failover brings back one of the last surveys, and then a call may be late. */
const LIMIT_MEMORY_MS = 20_000;
const LIMIT_EVERY_MS = 250;

/** As it landed. */
export interface RolloutView {
  readonly spec: EnvironmentSpec;
  readonly target: Deployment;
  readonly progress: DeploymentProgress | null;
}

export interface BudgetSurroundings {
  readonly cluster: Cluster;
  readonly timeline: Timeline;
  /** null: there is none. */
  readonly rolloutOf: (environment: EnvironmentId) => RolloutView | null;
}

export class EmptiedHosts {
  private readonly around: BudgetSurroundings;
  private readonly emptied = new Map<EnvironmentId, Set<string>>();
  private readonly views = new Map<EnvironmentId, { readonly at: number; readonly rollout: RolloutView }[]>();
  private sightings: { readonly at: number; readonly hosts: readonly HostSummary[] }[] = [];
  private sightedAt = 0;

  constructor(around: BudgetSurroundings) {
    this.around = around;
  }

  /** There is something to look for. */
  get isDue(): boolean {
    return this.emptied.size > 0 || this.around.timeline.now - this.sightedAt >= LIMIT_EVERY_MS;
  }

  /** The host is about to lose its task. */
  add(environment: EnvironmentId, host: string): { readonly count: number; readonly most: number } {
    const hosts = this.emptied.get(environment) ?? new Set<string>();
    this.emptied.set(environment, hosts.add(host));
    this.look(this.around.cluster.hosts(), [], host);
    return { count: this.emptied.get(environment)?.size ?? 0, most: this.mostOf(environment) };
  }

  forget(environment: EnvironmentId): void {
    this.emptied.delete(environment);
  }

  /** The target may be another one. */
  remember(environment: EnvironmentId): void {
    const rollout = this.around.rolloutOf(environment);
    if (rollout === null) return;
    const kept = (this.views.get(environment) ?? []).filter(
      (view) => this.isRecent(view.at) && view.rollout.spec !== rollout.spec,
    );
    this.views.set(environment, [...kept, { at: this.around.timeline.now, rollout }]);
  }

  /** Lets go of hosts that count no more; `added` still has its task, and is to lose it. */
  look(hosts: readonly HostSummary[], environments: readonly EnvironmentId[], added: string | null = null): void {
    const { now } = this.around.timeline;
    if (now - this.sightedAt >= LIMIT_EVERY_MS) {
      this.sightedAt = now;
      for (const environment of environments) this.remember(environment);
      // As it is now: a host that is relabelled changes its attributes in place.
      const asTheyAre = hosts.map((host) => ({ ...host, attributes: { ...host.attributes } }));
      this.sightings = [...this.sightings.filter(({ at }) => this.isRecent(at)), { at: now, hosts: asTheyAre }];
    }
    for (const [environment, emptied] of this.emptied) {
      const rollout = this.around.rolloutOf(environment);
      for (const arn of emptied) {
        const host = hosts.find(({ containerInstanceArn }) => containerInstanceArn === arn);
        const settled = !this.isRecent(this.around.cluster.changedAt(arn) ?? -Infinity);
        const seen = settled && host !== undefined && rollout !== null && isInScope(rollout, host);
        const counts = seen && !getsNothing(rollout);
        if (!counts || (arn !== added && this.isCovered(rollout.spec, arn))) emptied.delete(arn);
      }
      if (emptied.size === 0) this.emptied.delete(environment);
    }
  }

  private isCovered({ name }: EnvironmentSpec, host: string): boolean {
    return this.around.cluster
      .daemons()
      .some(
        ({ containerInstanceArn, group, lastStatus, desiredStatus }) =>
          containerInstanceArn === host &&
          group === `daemon:${name}` &&
          lastStatus === 'RUNNING' &&
          desiredStatus === 'RUNNING',
      );
  }

  private mostOf(environment: EnvironmentId): number {
    const rollout = this.around.rolloutOf(environment);
    if (rollout === null) return 0;
    const limits = (this.views.get(environment) ?? []).map(({ rollout: view }) => {
      const inScope = this.sightings.map(({ hosts }) => hosts.filter((host) => isInScope(view, host)).length);
      return hostsOf(view.target.revision.configuration.maxUnavailable, Math.max(0, ...inScope));
    });
    return Math.max(1, ...limits);
  }

  private isRecent(at: number): boolean {
    return this.around.timeline.now - at <= LIMIT_MEMORY_MS;
  }
}

export function isInScope({ spec, target }: RolloutView, host: HostSummary): boolean {
  if (host.status !== 'ACTIVE' || !host.agentConnected) return false;
  if (spec.excluded.includes(host.containerInstanceArn as InstanceArn)) return false;
  return covers(target.revision.query, host);
}

/** Hosts in closed waves get nothing, as nothing was completed before. */
const getsNothing = ({ target, progress }: RolloutView): boolean =>
  target.base === null && (progress === null || progress.open < progress.waves.length);
