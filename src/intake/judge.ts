/**
 * What an observation of a host or a task means: what to keep, what to ask ECS, whom to wake. Pure.
 *
 * J1. An event that tells of an end (a task STOPPED, a host INACTIVE) is not kept: ECS is asked, and its answer is. So no
 *     event frees a slot; what it can do is let a host be seen, and that permits nothing that the records in the store forbid.
 * J2. The higher version of a thing counts, whatever order observations come in.
 * J3. An observation that comes again may be one whose wake-up was lost: it wakes as if nothing had been known.
 * J4. Nobody is woken for what he has nothing to do about: agents flap, and every task that starts changes its host.
 */
import type { WakeReason } from '../actors/mailbox.ts';
import { selects } from '../domain/adoption.ts';
import { isDescribedAnew } from '../domain/attributes.ts';
import type { EnvironmentSpec } from '../domain/environment.ts';
import { isLive, type Facts, type Instance, type Task } from '../domain/facts.ts';
import { groupOf, type EnvironmentId } from '../domain/ids.ts';
import type { Sighting } from '../store/facts-store.ts';
import type { Hint } from './hints.ts';
import { View } from './view.ts';

export interface Observation {
  readonly sighting: Sighting;
  /** What an event said, or what ECS answered. */
  readonly source: 'event' | 'ecs';
  /** It was handed to us before; what became of it is not known. */
  readonly again: boolean;
  /** Told so late that a listing knows better. */
  readonly stale: boolean;
}

/** stored: news. old: an equal or newer version is known. asked: ECS is asked first. foreign: of no environment. */
type Verdict = 'stored' | 'old' | 'asked' | 'stale' | 'foreign';

export interface Judgement {
  readonly store: readonly Sighting[];
  readonly ask: readonly Hint[];
  readonly wakes: ReadonlyMap<EnvironmentId, WakeReason>;
  /** A listing is wanted soon. */
  readonly survey: boolean;
  /** One for each observation, in order. */
  readonly verdicts: readonly Verdict[];
}

/** `facts`: of the watchers' cluster. Without any, the listing that is asked for wakes everyone. */
export function judge(
  facts: Facts | null,
  observations: readonly Observation[],
  watchers: readonly EnvironmentSpec[],
): Judgement {
  const desk = new Desk(facts, watchers);
  const verdicts = observations.map((one) => desk.judge(one));
  desk.wakeStarted();
  const wakes = facts === null ? new Map<EnvironmentId, WakeReason>() : desk.wakes;
  return { store: desk.store, ask: desk.ask, wakes, survey: desk.survey, verdicts };
}

class Desk {
  readonly store: Sighting[] = [];
  readonly ask: Hint[] = [];
  readonly wakes = new Map<EnvironmentId, WakeReason>();
  survey: boolean;
  private readonly view: View;
  private readonly watchers: readonly EnvironmentSpec[];
  private readonly byGroup: ReadonlyMap<string, EnvironmentSpec>;
  /** Environments of which a task reached RUNNING. */
  private readonly started = new Set<EnvironmentSpec>();

  constructor(facts: Facts | null, watchers: readonly EnvironmentSpec[]) {
    this.view = new View(facts);
    this.survey = facts === null;
    this.watchers = watchers;
    this.byGroup = new Map(watchers.map((spec) => [groupOf(spec.name), spec]));
  }

  judge(seen: Observation): Verdict {
    if (seen.stale) {
      this.survey = true;
      return 'stale';
    }
    return seen.sighting.kind === 'instance'
      ? this.host(seen, seen.sighting.instance)
      : this.task(seen, seen.sighting.task);
  }

  private host(seen: Observation, instance: Instance): Verdict {
    const known = this.view.instance(instance.arn);
    if (known !== undefined && known.version >= instance.version) {
      if (seen.again) this.hostChanged(undefined, known);
      return 'old';
    }
    if (seen.source === 'event' && instance.status === 'INACTIVE') {
      this.inquire(seen.sighting);
      return 'asked';
    }
    this.keep(seen.sighting);
    this.hostChanged(known, instance);
    return 'stored';
  }

  private hostChanged(before: Instance | undefined, now: Instance): void {
    if (before?.status !== now.status) {
      // On a host that is new and not ready there is nothing to do.
      if (before === undefined && !isReady(now) && ON_THE_WAY.has(now.status)) return;
      if (now.status === 'DRAINING') this.survey = true;
      this.wake(this.watchers, isReady(now) ? 'instance-join' : 'drift');
    } else if (!before.agentConnected && now.agentConnected) {
      const missing = ({ name }: EnvironmentSpec): boolean => !this.view.hasTask(groupOf(name), now.arn);
      const concerned = now.status === 'ACTIVE' ? this.watchers.filter(missing) : this.watchers;
      this.wake(concerned, isReady(now) ? 'instance-join' : 'drift');
    }
    if (before !== undefined && isDescribedAnew(before, now)) this.wake(this.watchers, 'drift');
  }

  private task(seen: Observation, task: Task): Verdict {
    const environment = this.byGroup.get(task.group) ?? this.adopterOf(task);
    if (environment === undefined) {
      const host = task.instance === null ? undefined : this.view.instance(task.instance);
      // What a drain waits for is counted by the listing.
      if (!isLive(task) && host?.status === 'DRAINING') this.survey = true;
      return 'foreign';
    }
    const known = this.view.task(task);
    if (known !== undefined && known.version >= task.version) {
      if (seen.again && (!isLive(known) || known.health !== 'UNKNOWN')) this.wake([environment], 'drift');
      return 'old';
    }
    if (seen.source === 'event' && !isLive(task)) {
      this.inquire(seen.sighting);
      return 'asked';
    }
    this.keep(seen.sighting);
    if (!isLive(task) || isOtherHealth(known, task)) this.wake([environment], 'drift');
    else if (task.lastStatus === 'RUNNING' && known?.lastStatus !== 'RUNNING') this.started.add(environment);
    return 'stored';
  }

  private adopterOf(task: Task): EnvironmentSpec | undefined {
    return this.watchers.find(({ adopt }) => adopt !== null && selects(adopt, task));
  }

  /** A turn describes every task that is still starting. So the last one to start wakes it; before that it looks by itself. */
  wakeStarted(): void {
    for (const environment of this.started) {
      if (!this.view.isStarting(groupOf(environment.name))) this.wake([environment], 'drift');
    }
  }

  private keep(sighting: Sighting): void {
    this.store.push(sighting);
    this.view.add(sighting);
  }

  private inquire(sighting: Sighting): void {
    const { cluster } = this.watchers[0] ?? {};
    if (cluster === undefined) return;
    this.ask.push(
      sighting.kind === 'instance'
        ? { kind: 'instance', cluster, arn: sighting.instance.arn, atLeast: sighting.instance.version }
        : { kind: 'task', cluster, arn: sighting.task.arn, atLeast: sighting.task.version },
    );
  }

  private wake(environments: readonly EnvironmentSpec[], reason: WakeReason): void {
    for (const { id } of environments) if (this.wakes.get(id) !== 'instance-join') this.wakes.set(id, reason);
  }
}

/** Statuses of hosts that may become ready. */
const ON_THE_WAY: ReadonlySet<string> = new Set(['ACTIVE', 'REGISTERING']);

/** An event may not tell of health: UNKNOWN is no news of it. */
const isOtherHealth = (before: Task | undefined, now: Task): boolean =>
  before !== undefined && now.health !== 'UNKNOWN' && now.health !== before.health;

const isReady = (instance: Instance): boolean => instance.status === 'ACTIVE' && instance.agentConnected;
