/**
 * What each host is to have while a deployment rolls out.
 *
 * R1. A host whose wave is open gets the target deployment; any other gets what was last completed, the base, and so do all
 *     hosts once the rollout tripped, failed or was cancelled. Hosts that nothing happens to keep what they have.
 * R2. Tasks are taken away for a rollout only while it runs, or has completed: not while it is paused, tripped, cancelled or
 *     frozen, nor while its alarms are not known. Neither are those that only its query does not match.
 * R3. Which hosts count is said by the query of the deployment that the host is to have.
 */
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../domain/environment.ts';
import type { Instance, Task } from '../domain/facts.ts';
import type { DeploymentId, Instant, RevisionId, Template } from '../domain/ids.ts';
import type { PlacedTask, Slot } from '../domain/launch.ts';
import type { Waiting } from '../domain/plan.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import { matches } from '../query/matches.ts';
import { parseQuery } from '../query/parse.ts';
import type { Query } from '../query/query.ts';

/** Why nothing is replaced. */
export type Hold = 'paused' | 'frozen' | 'alarms' | 'no-revision';

export class Rollout {
  readonly target: Deployment | null;
  readonly base: Deployment | null;
  readonly progress: DeploymentProgress | null;
  readonly hold: Hold | null;
  /** For whom the time without a ready task is counted; null: never deployed. */
  readonly cause: { readonly deployment: DeploymentId; readonly since: Instant } | null;
  private readonly spec: EnvironmentSpec;
  private readonly deployments: EnvironmentRecord['deployments'];
  private readonly excluded: ReadonlySet<string>;
  private readonly queries = new Map<string, Query | null>();
  private readonly readiness = new Map<Template, { readonly minReadyMs: number; readonly healthCheck: boolean }>();

  constructor(record: EnvironmentRecord, progress: DeploymentProgress | null, alarmsKnown: boolean) {
    const { value: spec } = record.spec;
    this.spec = spec;
    this.deployments = record.deployments;
    this.excluded = new Set(spec.excluded);
    this.target = this.deployment(spec.target);
    this.base = this.deployment(this.target?.base ?? null);
    this.cause = this.target === null ? null : { deployment: this.target.id, since: this.target.createdAt };
    this.progress = progress;
    this.hold = this.holdOf(progress, alarmsKnown);
  }

  get frozen(): boolean {
    return this.spec.frozen && this.spec.deletion === null;
  }

  isExcluded({ arn }: Pick<Instance, 'arn'>): boolean {
    return this.excluded.has(arn);
  }

  /** Nothing is to be stopped there: by a person's word, or as what ECS tells of the host may be old. */
  leavesAlone(instance: Instance | 'MISSING' | null): boolean {
    if (instance === null || instance === 'MISSING' || !instance.agentConnected) return true;
    return this.frozen || this.isExcluded(instance);
  }

  /** Index of the host's wave; -1 while the waves are not known. */
  waveOf(instance: Instance, slot: Slot | undefined): number {
    const waves = this.progress?.waves ?? [];
    if (slot?.canary != null && slot.canary.deployment === this.target?.id) return slot.canary.wave;
    const index = waves.findIndex(
      ({ of }) => of?.kind === 'attribute' && instance.attributes.get(of.name) === of.value,
    );
    return index === -1 ? waves.length - 1 : index;
  }

  isOpen(instance: Instance, slot: Slot | undefined): boolean {
    const wave = this.waveOf(instance, slot);
    return wave !== -1 && wave < (this.progress?.open ?? 0);
  }

  /** R1. null: none. */
  deploymentFor(instance: Instance, slot: Slot | undefined): Deployment | null {
    return !this.isHalted && this.isOpen(instance, slot) ? this.target : this.base;
  }

  /** Why the host gets none. */
  whyNone(): Waiting {
    if (!this.isHalted) return this.hold === 'alarms' ? 'alarms' : 'wave';
    return this.progress?.state === 'paused' ? 'paused' : 'no-revision';
  }

  /** Whether a launch of the template can still be what somebody wants, on hosts that nothing is known of. */
  mayWant(template: Template): boolean {
    return (!this.isHalted && this.target?.template === template) || this.base?.template === template;
  }

  /** R3. null: not to be told, as this release cannot read the query. */
  covers(deployment: Deployment, instance: Instance): boolean | null {
    const { query } = deployment.revision;
    if (query === null) return true;
    let parsed = this.queries.get(query);
    if (parsed === undefined) {
      const read = parseQuery(query);
      parsed = read.ok ? read.query : null;
      this.queries.set(query, parsed);
    }
    return parsed === null ? null : matches(parsed, instance);
  }

  /** ACTIVE with its agent connected, and the target covers it: the rollout waits for it. */
  inScope(instance: Instance): boolean {
    return this.belongs(instance) && instance.status === 'ACTIVE' && instance.agentConnected;
  }

  /** This rollout took its task, and its agent is gone since: it may be gone by what we put there. */
  isSilenced(instance: Instance, slot: Slot | undefined): boolean {
    if (instance.agentConnected || slot === undefined || !slot.vacated || slot.gapSince === null) return false;
    return this.progress !== null && slot.gapSince >= this.progress.startedAt;
  }

  /** R2. It would lose its task by what the target's query says anew, and something holds the rollout. */
  spares(instance: Instance): boolean {
    return this.hold !== null && this.base !== null && this.covers(this.base, instance) === true;
  }

  /** The target covers it, whatever state it is in. */
  belongs(instance: Instance): boolean {
    return this.target !== null && !this.isExcluded(instance) && this.covers(this.target, instance) === true;
  }

  /**
   * The task is what the target would launch. One that was adopted under the target, or before the first deployment, is left
   * to the next rollout; that is no rollback to what it was adopted under.
   */
  isCurrent(task: PlacedTask): boolean {
    if (task.template === this.target?.template) return true;
    for (let one = this.target; one !== null; one = this.goesBackTo(one)) {
      if (task.template === adoptedUnder(one.id)) return true;
      if (one.base === null && task.template === adoptedUnder(null)) return true;
    }
    return false;
  }

  /** What a task nobody recorded was made from. */
  originOf(task: Task): { readonly revision: RevisionId | null; readonly template: Template } {
    const launchedBy = this.deployment(task.startedBy as DeploymentId | null);
    if (launchedBy !== null && launchedBy.revision.taskDefinition === task.taskDefinition) {
      return { revision: launchedBy.revision.id, template: launchedBy.template };
    }
    return { revision: null, template: adoptedUnder(this.spec.target) };
  }

  /** How long a task of the template must run to be ready, and whether it must be HEALTHY. */
  readinessOf(template: Template): { readonly minReadyMs: number; readonly healthCheck: boolean } {
    let readiness = this.readiness.get(template);
    if (readiness === undefined) {
      const { configuration, healthCheck = false } = this.deploymentOf(template)?.revision ?? {};
      readiness = { minReadyMs: (configuration?.minReadySeconds ?? 0) * 1_000, healthCheck };
      this.readiness.set(template, readiness);
    }
    return readiness;
  }

  /** Target and base come first; a rollback meets tasks of the deployment it takes back. */
  private deploymentOf(template: Template): Deployment | null {
    if (this.target?.template === template) return this.target;
    if (this.base?.template === template) return this.base;
    for (const { value } of this.deployments.values()) if (value.template === template) return value;
    return null;
  }

  /** What a rollback brings back, which was what it falls back to, too; null: it is none, or goes back further. */
  private goesBackTo({ kind, base, template }: Deployment): Deployment | null {
    const before = kind === 'rollback' ? this.deployment(base) : null;
    return before?.template === template ? before : null;
  }

  /** Open waves count as closed. */
  private get isHalted(): boolean {
    const { progress } = this;
    if (progress === null) return false;
    if (progress.trip !== null || progress.state === 'failed' || progress.state === 'cancelled') return true;
    // Ordered, and this turn will write it: until then launches must not be repeated for it.
    return this.spec.orders.cancelled && progress.state !== 'completed';
  }

  private deployment(id: DeploymentId | null): Deployment | null {
    return id === null ? null : (this.deployments.get(id)?.value ?? null);
  }

  private holdOf(progress: DeploymentProgress | null, alarmsKnown: boolean): Hold | null {
    if (this.frozen) return 'frozen';
    if (progress?.state === 'paused') return 'paused';
    if (progress?.state === 'failed' || progress?.state === 'cancelled') return 'no-revision';
    return progress?.state === 'running' && !alarmsKnown ? 'alarms' : null;
  }
}

/** The template of a task that was adopted, and that no deployment of ours is known to have launched. */
const adoptedUnder = (target: DeploymentId | null): Template => `adopted under ${target ?? 'none'}` as Template;
