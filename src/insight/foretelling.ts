/**
 * A rollout played through with the real planner, on hosts that do as they are told: tasks start, are healthy and stop
 * at once, and ECS refuses what does not fit. Pure: the clock is the planner's own wishes.
 */
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';
import { NO_LOOKS, type Facts, type Looks, type Task } from '../domain/facts.ts';
import {
  after,
  as,
  groupOf,
  type InstanceArn,
  type Instant,
  type LaunchId,
  type TaskArn,
  type TaskDefinitionArn,
} from '../domain/ids.ts';
import type { Launch } from '../domain/launch.ts';
import { isAsking, type Acted, type LaunchOutcome, type LookRequest, type Plan } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { World } from '../domain/world.ts';
import { PLANS_PER_TURN, planEnvironment } from '../planner/plan.ts';
import { settle } from '../planner/settle.ts';
import { ImaginedHosts } from './imagined-hosts.ts';
import { ImaginedWorld } from './imagined-world.ts';

export interface Premises {
  readonly world: World;
  readonly facts: Facts;
  readonly capacities: ReadonlyMap<InstanceArn, HostCapacity>;
  readonly needs: ReadonlyMap<TaskDefinitionArn, TaskNeeds>;
  /** INACTIVE ones only. */
  readonly inactive: ReadonlySet<TaskDefinitionArn>;
  readonly alarms: Looks['alarms'];
  readonly policy: Policy;
  readonly now: Instant;
}

/** More turns than a rollout of 10,000 hosts one by one takes. */
const TURNS_MOST = 100_000;
/** Nobody plans further ahead. */
const HORIZON_MS = 30 * 24 * 60 * 60 * 1_000;

export interface HostDeeds {
  launches: number;
  stops: number;
  failure: string | null;
}

export class Foretelling {
  readonly deeds = new Map<InstanceArn, HostDeeds>();
  readonly manualWaves: string[] = [];
  rolledBack = false;
  runTasks = 0;
  stopTasks = 0;
  /** The last plan: what hosts still wait for. */
  last: Plan | null = null;
  private readonly premises: Premises;
  private readonly imagined: ImaginedWorld;
  private readonly hosts: ImaginedHosts;
  private now: Instant;
  private turns = 0;
  private minted = 0;

  constructor(premises: Premises) {
    this.premises = premises;
    this.imagined = new ImaginedWorld(premises.world);
    this.hosts = new ImaginedHosts(premises);
    this.now = premises.now;
  }

  get world(): World {
    return this.imagined.world;
  }

  get elapsedMs(): number {
    return this.now - this.premises.now;
  }

  /** One turn; false when there is nothing more to come. */
  step(): boolean {
    const { policy } = this.premises;
    const plan = this.plan();
    this.last = plan;
    this.imagined.apply(plan.changes);
    if (plan.rollback !== null) {
      this.imagined.rollBack(plan.rollback);
      this.rolledBack = true;
      return this.goOn(after(this.now, 1));
    }
    const acted = plan.effects.map((effect): Acted => {
      if (effect.kind === 'launch') return { effect, outcome: this.launch(effect.launch), endedAt: this.now };
      this.stop(effect.task);
      return { effect, outcome: { kind: 'done' }, endedAt: this.now };
    });
    const settlement = settle(acted, plan.slots, policy);
    this.imagined.apply(settlement.changes);
    const { state } = this.imagined.progress ?? { state: null };
    const rolling = state === 'running' || state === null || acted.length > 0;
    if (!rolling) return false;
    // An order wakes the actor.
    if (this.promoteByHand()) return this.goOn(this.now);
    const times = [plan.wakeAt, settlement.wakeAt].filter((time) => time !== null).toSorted((a, b) => a - b);
    return times[0] !== undefined && this.goOn(times[0]);
  }

  private plan(): Plan {
    let looks = NO_LOOKS;
    const facts = this.hosts.facts(this.imagined.revision, this.now);
    for (let round = 1; ; round += 1) {
      const seen = { now: this.now, world: this.imagined.world, facts, looks };
      const plan = planEnvironment(seen, this.premises.policy, () => this.mint());
      if (round === PLANS_PER_TURN || !isAsking(plan.look)) return plan;
      looks = this.answer(plan.look, looks);
    }
  }

  private answer(request: LookRequest, looks: Looks): Looks {
    const { inactive, alarms } = this.premises;
    const tasks = new Map(looks.tasks);
    for (const arn of [...request.tasks, ...request.polls]) tasks.set(arn, this.hosts.tasks.get(arn) ?? 'MISSING');
    const instances = new Map(looks.instances);
    for (const arn of request.instances) instances.set(arn, this.premises.facts.instances.get(arn) ?? 'MISSING');
    const taskDefinitions = new Map(looks.taskDefinitions);
    for (const arn of request.taskDefinitions) taskDefinitions.set(arn, inactive.has(arn) ? 'INACTIVE' : 'ACTIVE');
    return { tasks, instances, taskDefinitions, alarms: new Map([...looks.alarms, ...alarms]) };
  }

  private launch(launch: Launch): LaunchOutcome {
    this.runTasks += 1;
    const tasks: { arn: TaskArn; instance: InstanceArn }[] = [];
    const failures: { instance: InstanceArn; reason: string }[] = [];
    for (const { instance } of launch.members) {
      const deeds = this.deedsOf(instance);
      const reason = this.hosts.misfit(instance, launch.taskDefinition);
      if (reason !== null) {
        deeds.failure = reason;
        failures.push({ instance, reason });
        continue;
      }
      deeds.launches += 1;
      deeds.failure = null;
      const arn = as<TaskArn>(`foretold task ${this.mint()}`);
      this.hosts.place(this.task(launch, arn, instance));
      tasks.push({ arn, instance });
    }
    return { kind: 'done', tasks, failures };
  }

  private stop(arn: TaskArn): void {
    this.stopTasks += 1;
    const host = this.hosts.remove(arn);
    if (host !== null) this.deedsOf(host).stops += 1;
  }

  private task(launch: Launch, arn: TaskArn, instance: InstanceArn): Task {
    return {
      arn,
      instance,
      group: groupOf(this.world.spec.value.name),
      startedBy: launch.deployment,
      taskDefinition: launch.taskDefinition,
      lastStatus: 'RUNNING',
      desiredStatus: 'RUNNING',
      createdAt: this.now,
      stopCode: null,
      stoppedReason: null,
      health: 'HEALTHY',
      version: 1,
    };
  }

  /** Nobody can say when a person promotes: it counts as done at once, and is told. */
  private promoteByHand(): boolean {
    const { progress } = this.imagined;
    if (progress === null || progress.doneAt === null) return false;
    const wave = progress.waves[progress.open - 1];
    if (wave?.promote !== 'manual' || this.imagined.world.spec.value.orders.promoted >= progress.open) return false;
    this.manualWaves.push(wave.name);
    this.imagined.promote(progress.open);
    return true;
  }

  private goOn(at: Instant): boolean {
    this.turns += 1;
    this.now = as<Instant>(Math.max(this.now + 1, at));
    return this.turns < TURNS_MOST && this.elapsedMs < HORIZON_MS;
  }

  private deedsOf(host: InstanceArn): HostDeeds {
    let deeds = this.deeds.get(host);
    if (deeds === undefined) {
      deeds = { launches: 0, stops: 0, failure: null };
      this.deeds.set(host, deeds);
    }
    return deeds;
  }

  private mint(): LaunchId {
    this.minted += 1;
    return as<LaunchId>(`foretold-${this.minted}`);
  }
}
