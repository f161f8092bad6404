/** The planner and a toy cluster in a closed loop: plan, act, settle, advance the clock to when the plan wants to be woken. */
import { NO_ORDERS, type DeploymentProgress, type EnvironmentSpec } from '../../src/domain/environment.ts';
import { NO_LOOKS, type Looks } from '../../src/domain/facts.ts';
import { after, type InstanceArn, type Instant, type Revision, type TaskArn } from '../../src/domain/ids.ts';
import type { Slot } from '../../src/domain/launch.ts';
import { isAsking, type Change, type Plan } from '../../src/domain/plan.ts';
import { DEFAULT_CONFIGURATION, hostsOf, type DeploymentConfiguration } from '../../src/domain/revision.ts';
import type { Stored, World } from '../../src/domain/world.ts';
import { planEnvironment } from '../../src/planner/plan.ts';
import { settle } from '../../src/planner/settle.ts';
import {
  definition,
  deployment,
  deploymentId,
  host,
  minting,
  NOW,
  POLICY,
  revision,
  slot,
  stored,
  vacant,
  world,
} from './fixtures.ts';
import { isOver, ToyCluster, type Nature } from './toy-cluster.ts';

/** The actor's limit; the same here. */
const PLANS_PER_TURN = 3;
/** Turns come no closer than this: it makes runs shorter, and bunches events as a busy cluster does. */
const STEP_MS = 2_000;
/** The sweep: who asked for no wake-up is woken all the same. */
const SWEEP_MS = 60_000;

export type Order = 'pause' | 'resume' | 'promote' | 'cancel' | 'freeze' | 'thaw' | 'disconnect' | 'reconnect';

export interface Setting {
  readonly nature: Nature;
  readonly configuration: Partial<DeploymentConfiguration>;
  /** Given one a turn, after so many turns. */
  readonly orders: readonly { readonly turn: number; readonly order: Order; readonly host: number }[];
}

/** What one turn was, for those who check it. */
export interface TurnSeen {
  readonly now: Instant;
  readonly world: World;
  readonly plan: Plan;
  /** As the plan leaves it. */
  readonly progress: DeploymentProgress | undefined;
  /** Hosts that it took a ready task from, for an update. */
  readonly emptied: number;
  /** It asked to be woken. */
  readonly wakes: boolean;
}

export class ToyRollout {
  readonly cluster: ToyCluster;
  now: Instant = NOW;
  world: World;
  turns = 0;
  /** Hosts whose ready task was stopped for an update, and that have had none since. */
  readonly emptied = new Set<InstanceArn>();
  private readonly setting: Setting;
  private readonly mint = minting();
  private revision = 1_000;

  constructor(setting: Setting) {
    this.setting = setting;
    this.cluster = new ToyCluster(setting.nature);
    const slots: Slot[] = [];
    for (let n = 1; n <= setting.nature.hosts; n += 1) {
      if (setting.nature.dead.has(n)) {
        slots.push(vacant(n));
        continue;
      }
      const { arn } = this.cluster.put(n, definition(1), deploymentId(1), after(NOW, -100_000));
      const made = slot(n);
      slots.push({ ...made, task: made.task === null ? null : { ...made.task, arn } });
    }
    const configuration = { ...DEFAULT_CONFIGURATION, ...setting.configuration };
    const next = deployment(2, { base: deploymentId(1), revision: revision(2, { configuration }), createdAt: NOW });
    this.world = world({ slots, rollouts: [{ deployment: next, progress: null }] });
  }

  get progress(): DeploymentProgress | undefined {
    const { target } = this.world.spec.value;
    return target === null ? undefined : this.world.progress.get(target);
  }

  /** The orders due, a plan, its effects, their outcomes; then the clock moves on. */
  turn(): TurnSeen {
    for (const { turn, order, host: n } of this.setting.orders) if (turn === this.turns) this.obey(order, host(n));
    this.turns += 1;
    const { now } = this;
    const before = this.world;
    const plan = this.plan();
    this.land(plan.changes.flat());
    const wakes = [plan.wakeAt];
    const emptiedBefore = this.emptied.size;
    if (plan.rollback === null) {
      for (const effect of plan.effects)
        if (effect.kind === 'stop' && effect.reason === 'update') this.empty(effect.task);
      const settled = settle(
        plan.effects.map((effect) => this.cluster.act(effect, now)),
        plan.slots,
        POLICY,
      );
      this.land(settled.changes.flat());
      wakes.push(settled.wakeAt);
    } else this.rollBack(plan);
    const emptied = this.emptied.size - emptiedBefore;
    const due = Math.min(...wakes.flatMap((at) => at ?? []));
    this.now = after(now, Math.max(STEP_MS, Math.min(due - now, SWEEP_MS)));
    for (const arn of this.emptied) if (this.isReady(arn)) this.emptied.delete(arn);
    return { now, world: before, plan, progress: this.progress, emptied, wakes: due < Infinity };
  }

  /** Those of the emptied hosts that a rollout can reach. */
  get unavailable(): number {
    return [...this.emptied].filter((arn) => !this.cluster.disconnected.has(arn)).length;
  }

  /** `maxUnavailable` of the target, of the hosts whose agent is connected. */
  budget(): number {
    const { target } = this.world.spec.value;
    const amount = this.world.deployments.get(target ?? deploymentId(0))?.value.revision.configuration.maxUnavailable;
    const inScope = this.setting.nature.hosts - this.cluster.disconnected.size;
    return Math.max(1, hostsOf(amount ?? 1, inScope));
  }

  get hosts(): number {
    return this.setting.nature.hosts;
  }

  /** What a plan leaves of a host, and what that waits for. */
  standing(plan: Plan, n: number): { readonly slot: Slot | undefined; readonly waiting: string | undefined } {
    return { slot: plan.slots.get(host(n)), waiting: plan.waiting.get(host(n)) };
  }

  private plan(): Plan {
    const facts = this.cluster.facts(this.now, this.next());
    let looks: Looks = NO_LOOKS;
    for (let round = 1; ; round += 1) {
      const plan = planEnvironment({ now: this.now, world: this.world, facts, looks }, POLICY, this.mint);
      const { tasks, polls, instances, taskDefinitions } = plan.look;
      if (!isAsking(plan.look)) return plan;
      if (round === PLANS_PER_TURN) return plan;
      looks = {
        tasks: new Map([...looks.tasks, ...this.cluster.describe([...tasks, ...polls], this.now)]),
        instances: new Map([...looks.instances, ...instances.map((arn) => [arn, 'MISSING'] as const)]),
        taskDefinitions: new Map([...looks.taskDefinitions, ...taskDefinitions.map((arn) => [arn, 'ACTIVE'] as const)]),
        alarms: looks.alarms,
      };
    }
  }

  /** What was ready is counted as taken by us, before ECS is asked. */
  private empty(arn: TaskArn): void {
    const task = this.cluster.task(arn);
    if (task !== undefined && this.isReady(task.instance)) this.emptied.add(task.instance);
  }

  /** By the cluster's own clock: RUNNING for as long as its definition asks, and nobody stops it. */
  private isReady(arn: InstanceArn): boolean {
    const seconds = this.setting.configuration.minReadySeconds ?? 0;
    return this.cluster.liveOn(arn, this.now).some((task) => {
      const wait = task.taskDefinition === definition(2) ? seconds * 1_000 : 0;
      return task.stopsAt === Infinity && task.runsAt + wait <= this.now && !isOver(task, this.now);
    });
  }

  private obey(order: Order, arn: InstanceArn): void {
    const { value } = this.world.spec;
    const { orders } = value;
    const say = (changes: Partial<EnvironmentSpec>): void => this.write({ ...value, ...changes });
    if (order === 'disconnect') this.cluster.disconnected.add(arn);
    if (order === 'reconnect') this.cluster.disconnected.clear();
    if (order === 'freeze' || order === 'thaw') say({ frozen: order === 'freeze' });
    if (order === 'pause') say({ orders: { ...orders, paused: true } });
    if (order === 'resume') say({ orders: { ...orders, paused: false, resumes: orders.resumes + 1 } });
    if (order === 'promote') say({ orders: { ...orders, promoted: this.progress?.open ?? 0 } });
    if (order === 'cancel') say({ orders: { ...orders, cancelled: true } });
  }

  private write(value: EnvironmentSpec): void {
    this.world = { ...this.world, spec: { ...this.world.spec, value, modified: this.next() } };
  }

  private rollBack({ rollback }: Plan): void {
    if (rollback === null) return;
    const { deployment: made, progress, spec } = rollback;
    this.world = {
      ...this.world,
      deployments: new Map([...this.world.deployments, [made.id, stored(made, this.next())]]),
      progress: new Map([...this.world.progress, [progress.id, progress]]),
    };
    this.write({ ...spec, orders: NO_ORDERS });
  }

  private land(changes: readonly Change[]): void {
    const slots = new Map(this.world.slots);
    const launches = new Map(this.world.launches);
    const progress = new Map(this.world.progress);
    let { status } = this.world;
    const at = this.next();
    const put = <T>(value: T): Stored<T> => stored(value, at);
    for (const change of changes) {
      if (change.kind === 'put-slot') slots.set(change.slot.instance, put(change.slot));
      if (change.kind === 'delete-slot') slots.delete(change.instance);
      if (change.kind === 'put-launch') launches.set(change.launch.id, put(change.launch));
      if (change.kind === 'delete-launch') launches.delete(change.launch);
      if (change.kind === 'put-progress') progress.set(change.progress.id, change.progress);
      if (change.kind === 'put-status') status = change.status;
    }
    this.world = { ...this.world, slots, launches, progress, status };
  }

  private next(): Revision {
    this.revision += 1;
    return this.revision as Revision;
  }
}
