/**
 * Judges rollouts, N16 to N20, by what landed in the store, what was sent, and what ECS did. What a turn must know is what the
 * store held when it claimed: what landed before binds it, what came later does not. How N16 counts: `rollout-budget.ts`.
 *
 * J1. A host outside of the open attribute waves is reached only if it was marked as a canary of an open wave, and no more are
 *     marked at a time than those waves may have: the mark passes on to another when a host leaves.
 * J2. N18 counts for revisions that cannot become ready, while no person promotes or resumes, no canary leaves the scope, and
 *     none has a task that was adopted: that one stays, and tells nothing of the revision.
 */
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../src/domain/environment.ts';
import { isOver } from '../src/domain/environment.ts';
import type { DeploymentId, EnvironmentId, InstanceArn, LaunchId, Template } from '../src/domain/ids.ts';
import type { Launch, Slot } from '../src/domain/launch.ts';
import { hostsOf } from '../src/domain/revision.ts';
import type { EnvironmentRecord, World } from '../src/domain/world.ts';
import type { HostSummary } from '../sim/model/model.ts';
import type { Invariant } from './invariants.ts';
import { EmptiedHosts, isInScope, type RolloutView } from './rollout-budget.ts';
import type { Timeline } from './timeline.ts';
import type { Cluster } from './world.ts';

/** Shorter than anything a task or an agent does. */
const LOOK_EVERY_MS = 20;
const UPDATE = 'daemon-scheduler: update';

/** A turn, as its calls refer to it. */
export interface Turn {
  /** As the store gave it at the claim; null before. */
  world: World | null;
}

export interface RolloutSurroundings {
  readonly cluster: Cluster;
  readonly timeline: Timeline;
  readonly violate: (invariant: Invariant, detail: string) => void;
  readonly note: (what: string) => void;
}

export class RolloutWitness {
  private readonly around: RolloutSurroundings;
  private readonly emptied: EmptiedHosts;
  private readonly specs = new Map<EnvironmentId, EnvironmentSpec>();
  private readonly deployments = new Map<DeploymentId, Deployment>();
  private readonly progress = new Map<DeploymentId, DeploymentProgress>();
  private readonly launches = new Map<LaunchId, Launch>();
  private readonly slots = new Map<EnvironmentId, Map<InstanceArn, Slot>>();
  private readonly readyOnce = new Set<string>();
  private readonly launchedBy = new Map<string, DeploymentId>();
  /** Hosts that were marked as canaries at any time. */
  private readonly marked = new Map<DeploymentId, Map<InstanceArn, number>>();
  /** Deployments of bad revisions, and on how many hosts each may run. */
  private readonly trials = new Map<DeploymentId, number>();
  private readonly ran = new Map<DeploymentId, Set<string>>();
  private lookedAt = 0;
  private hostsMost = 0;

  constructor(around: RolloutSurroundings) {
    this.around = around;
    this.emptied = new EmptiedHosts({ ...around, rolloutOf: (environment) => this.rolloutOf(environment) });
  }

  // --- what landed ---------------------------------------------------------------------------------------------------

  specWritten({ spec: { value: spec }, deployments }: EnvironmentRecord): void {
    this.specs.set(spec.id, spec);
    for (const { value } of deployments.values()) this.deployments.set(value.id, value);
    if (spec.orders.promoted + spec.orders.resumes > 0 && spec.target !== null) this.trials.delete(spec.target);
    this.emptied.remember(spec.id);
  }

  removed(environment: EnvironmentId): void {
    this.specs.delete(environment);
    this.emptied.forget(environment);
    this.slots.delete(environment);
  }

  progressWritten(progress: DeploymentProgress): void {
    const before = this.progress.get(progress.id);
    this.progress.set(progress.id, progress);
    if (before?.state !== progress.state) this.note(`deployment ${progress.state}`);
    if (before !== undefined && progress.open > before.open) this.note('wave opened');
    if (progress.trip !== null && (before?.trip ?? null) === null) this.note(`tripped: ${tripOf(progress)}`);
  }

  launchWritten(launch: Launch): void {
    this.launches.set(launch.id, launch);
  }

  slotWritten(environment: EnvironmentId, slot: Slot): void {
    const slots = this.slots.get(environment) ?? new Map<InstanceArn, Slot>();
    this.slots.set(environment, slots.set(slot.instance, slot));
    const { canary, instance } = slot;
    if (canary !== null) {
      const marked = this.marked.get(canary.deployment) ?? new Map<InstanceArn, number>();
      this.marked.set(canary.deployment, marked.set(instance, canary.wave));
      if (slot.task !== null && slot.task.revision === null) this.trials.delete(canary.deployment);
    }
    if (slot.task !== null && slot.task.readyAt !== null) this.readyOnce.add(slot.task.arn);
  }

  tried(deployment: DeploymentId, canaries: number): void {
    this.trials.set(deployment, canaries);
  }

  /** A turn has rolled back by itself. */
  rolledBack({ deployments }: EnvironmentRecord, { id, revision, template }: Deployment): void {
    this.note('rolled back by itself');
    const completed = [...deployments.values()]
      .filter(({ value }) => this.progress.get(value.id)?.state === 'completed')
      .toSorted((a, b) => b.created - a.created)[0]?.value;
    if (completed?.revision.id !== revision.id || completed.template !== template) {
      this.violate('N18', `${id} brings ${template}, not what was completed last: ${completed?.template ?? 'nothing'}`);
    }
  }

  // --- calls ---------------------------------------------------------------------------------------------------------

  launchSent({ world }: Turn, id: LaunchId | undefined): void {
    const launch = id === undefined ? undefined : this.launches.get(id);
    if (world === null || launch === undefined) return;
    const { value: spec } = world.spec;
    if (spec.frozen) this.violate('N19', `${launch.id} is sent by a turn that began frozen`);
    if (!allowedTemplates(world).includes(launch.template)) {
      this.violate('N20', `${launch.id} of ${launch.template} is sent, which ${spec.name} is not to have`);
    }
    for (const { instance } of launch.members) this.reaches(launch.deployment, instance);
  }

  stopSent({ world }: Turn, task: string, reason: string): void {
    if (world === null) return;
    const { value: spec } = world.spec;
    const untouchable = spec.deletion === null ? spec.frozen : spec.deletion.tasks === 'keep';
    if (untouchable)
      this.violate('N19', `a stop of ${task} is sent by a turn that began after a freeze, or a keeping deletion`);
    if (reason !== UPDATE || spec.target === null || spec.deletion !== null) return;
    const target = world.deployments.get(spec.target)?.value;
    const progress = world.progress.get(spec.target);
    const held = progress === undefined || !isOver(progress) ? isHeld(world, progress) : null;
    if (held !== null) this.violate('N19', `${task} is taken away by a turn that began ${held}`);
    const launchedBy = this.launchedBy.get(task);
    const origin = launchedBy === undefined ? undefined : world.deployments.get(launchedBy)?.value;
    if (target !== undefined && origin?.template === target.template) {
      this.violate('N18', `${task} is of ${target.template} already, and taken away for it`);
    }
    const host = this.around.cluster.liveTask(task)?.containerInstanceArn;
    // A task that never became ready may be taken away to bring back what was completed before.
    if (host !== undefined && this.readyOnce.has(task)) this.reaches(spec.target, host);
  }

  /** The stop is about to be carried out. */
  stopArrives(task: string, reason: string, environment: EnvironmentId | undefined): void {
    const live = this.around.cluster.liveTask(task);
    if (reason !== UPDATE || environment === undefined || live === null) return;
    const spec = this.specs.get(environment);
    const slot = this.slots.get(environment)?.get(live.containerInstanceArn as InstanceArn);
    const withdrawn = slot?.task?.arn === task && slot.stop === null;
    const ran = live.lastStatus === 'RUNNING' && live.desiredStatus === 'RUNNING' && this.readyOnce.has(task);
    if (spec === undefined || spec.deletion !== null || withdrawn || !ran) return;
    const { count, most } = this.emptied.add(environment, live.containerInstanceArn);
    if (count > 1) this.note('several hosts without a task through a rollout');
    if (count > most) this.violate('N16', `${count} hosts of ${spec.name} are without a task, ${most} may be`);
  }

  tasksMade(id: LaunchId | undefined, tasks: readonly { taskArn: string; containerInstanceArn?: string }[]): void {
    const launch = id === undefined ? undefined : this.launches.get(id);
    if (launch === undefined) return;
    const canaries = this.trials.get(launch.deployment);
    const ran = this.ran.get(launch.deployment) ?? new Set<string>();
    this.ran.set(launch.deployment, ran);
    for (const { taskArn, containerInstanceArn } of tasks) {
      this.launchedBy.set(taskArn, launch.deployment);
      if (containerInstanceArn !== undefined) ran.add(containerInstanceArn);
    }
    if (canaries === undefined) return;
    this.note('bad revision behind a canary');
    if (ran.size > canaries) this.violate('N18', `a bad revision ran on ${ran.size} hosts, ${canaries} are canaries`);
  }

  afterStep(): void {
    const { cluster, timeline } = this.around;
    if (timeline.now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = timeline.now;
    if (!this.emptied.isDue && this.trials.size === 0) return;
    const hosts = cluster.hosts();
    this.hostsMost = Math.max(this.hostsMost, hosts.length);
    this.emptied.look(hosts, [...this.specs.keys()]);
    for (const deployment of this.trials.keys()) this.dropTrialOf(deployment, hosts);
  }

  // --- what counts ---------------------------------------------------------------------------------------------------

  private reaches(id: DeploymentId, host: string): void {
    const progress = this.progress.get(id);
    const open = progress?.waves.slice(0, progress.open) ?? [];
    if (progress !== undefined && open.length > 0 && open.length === progress.waves.length) return;
    const hosts = this.around.cluster.hosts();
    const attributes = hosts.find((one) => one.containerInstanceArn === host)?.attributes;
    // It is gone.
    if (attributes === undefined) return;
    const isOpen = open.some(({ of }) => of?.kind === 'attribute' && (attributes[of.name] ?? null) === of.value);
    if (isOpen) return;
    this.note('wave of a canary or a zone');
    const wave = this.marked.get(id)?.get(host as InstanceArn);
    if (wave === undefined || wave >= open.length) {
      this.violate('N17', `${id} reaches ${host}, whose wave is closed`);
    }
    const there = new Set(hosts.map(({ containerInstanceArn }) => containerInstanceArn));
    let count = 0;
    for (const slots of this.slots.values()) {
      for (const { instance, canary } of slots.values()) {
        if (canary?.deployment === id && there.has(instance)) count += 1;
      }
    }
    let most = 0;
    for (const { of } of open)
      if (of?.kind === 'canary') most += Math.max(1, hostsOf(of.hosts, Math.max(this.hostsMost, 1)));
    if (count > most) this.violate('N17', `${id} has ${count} canaries, not ${most}`);
  }

  private dropTrialOf(deployment: DeploymentId, hosts: readonly HostSummary[]): void {
    for (const [environment, slots] of this.slots) {
      const rollout = this.rolloutOf(environment);
      for (const { instance, canary } of slots.values()) {
        if (canary?.deployment !== deployment || rollout === null) continue;
        const host = hosts.find(({ containerInstanceArn }) => containerInstanceArn === instance);
        if (host === undefined || !isInScope(rollout, host)) this.trials.delete(deployment);
      }
    }
  }

  private rolloutOf(environment: EnvironmentId): RolloutView | null {
    const spec = this.specs.get(environment);
    const target = spec?.target == null ? undefined : this.deployments.get(spec.target);
    if (spec === undefined || target === undefined) return null;
    return { spec, target, progress: this.progress.get(target.id) ?? null };
  }

  private note(what: string): void {
    this.around.note(what);
  }

  private violate(invariant: Invariant, detail: string): void {
    this.around.violate(invariant, detail);
  }
}

/** What the environment is to have, on some host at least: the target unless it is halted, and the base. */
function allowedTemplates({ spec: { value: spec }, deployments, progress }: World): readonly Template[] {
  if (spec.deletion !== null || spec.target === null) return [];
  const target = deployments.get(spec.target)?.value;
  const base = target?.base == null ? undefined : deployments.get(target.base)?.value;
  const state = progress.get(spec.target);
  const cancelled = spec.orders.cancelled && state?.state !== 'completed';
  const halted = cancelled || isTripped(spec, state) || state?.state === 'failed';
  return [halted ? undefined : target, base].flatMap((one) => one?.template ?? []);
}

const isTripped = ({ orders }: EnvironmentSpec, progress: DeploymentProgress | undefined): boolean =>
  progress !== undefined && progress.trip !== null && (orders.paused || orders.resumes <= progress.trip.resumes);

/** Why nothing may be taken away; null: it may. */
function isHeld({ spec: { value: spec } }: World, progress: DeploymentProgress | undefined): string | null {
  if (spec.orders.paused) return 'paused';
  if (spec.orders.cancelled) return 'cancelled';
  return isTripped(spec, progress) ? 'tripped' : null;
}

const tripOf = ({ trip }: DeploymentProgress): string =>
  (trip?.reason ?? '').replaceAll(/\d+/g, 'n').split(' in wave')[0] ?? '';
