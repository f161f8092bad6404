/** Turns over a tiny ECS: a store in memory, facts that may be stale or lost, calls that go wrong, and crashes in between. */
import { expect } from 'vitest';
import { whomToWake } from '../../src/actors/survey.ts';
import { NO_LOOKS, type Facts, type Looks } from '../../src/domain/facts.ts';
import {
  as,
  type DeploymentId,
  type DeploymentToken,
  type Instant,
  type LaunchId,
  type Revision,
} from '../../src/domain/ids.ts';
import type { Acted, ChangeGroup, Effect, LaunchOutcome, Plan } from '../../src/domain/plan.ts';
import type { Policy } from '../../src/domain/policy.ts';
import type { World } from '../../src/domain/world.ts';
import { planEnvironment } from '../../src/planner/plan.ts';
import { settle } from '../../src/planner/settle.ts';
import { at, changesOf, definition, deploymentId, facts, freeze, launchesIn, launchId, world } from './fixtures.ts';
import { PREDECESSOR, TinyEcs } from './tiny-ecs.ts';

/** Where a turn ends before its time. `frozen`: its calls leave later, when others have taken over. */
export type Crash = 'none' | 'before-commit' | 'mid-commit' | 'after-commit' | 'frozen' | 'after-act';
export type Reply = 'ok' | 'full' | 'lost' | 'late' | 'never-arrived' | 'throttled' | 'refused' | 'conflict';

export const TINY_POLICY: Policy = {
  actWithinMs: 2_000,
  requestTimeoutMs: 2_000,
  signatureMs: 3_000,
  visibilityMs: 3_000,
  clockSkewMs: 1_000,
  replayWithinMs: 30_000,
  replayBackoffMs: { first: 1_000, most: 4_000 },
  missingAfterMs: 40_000,
  attempts: 3,
  attemptBackoffMs: { first: 1_000, most: 4_000 },
  stableAfterMs: 20_000,
  startGraceMs: 10_000,
  drainDeadlineMs: 8_000,
  startPollMs: { first: 500, most: 2_000 },
  launchesPerTurn: 2,
  stopsPerTurn: 2,
  looksPerTurn: 5,
  primitive: 'RunTask',
};

export type Count = Record<string, number>;

export class TinyScheduler {
  readonly ecs: TinyEcs;
  world: World;
  facts: Facts | null = null;
  wakeAt: number | null = null;
  finished = false;
  private readonly policy: Policy;
  private readonly count: Count;
  private revision = 20;
  private launches = 0;
  private deployments = 1;
  private survey: Facts | null = null;
  surveyWanted = false;
  private frozen: (() => void)[] = [];

  constructor(policy: Policy, strangers: readonly boolean[], count: Count) {
    this.policy = policy;
    this.count = count;
    this.ecs = new TinyEcs(at(0), policy);
    this.world = world({ progress: null });
    for (const stranger of strangers) {
      const joined = this.ecs.join();
      if (stranger) this.ecs.start(joined, PREDECESSOR, 0);
    }
    this.ecs.advance(1_000);
  }

  // --- the cluster's turn --------------------------------------------------------------------------------------------

  beginSurvey(): void {
    const listing = this.ecs.listing();
    this.survey = facts(listing.instances, listing.tasks, {
      startedAt: this.now(),
      revision: as<Revision>(this.revision),
    });
  }

  /** Wakes as the real one does. */
  publishSurvey(): void {
    const { survey, facts: before } = this;
    this.survey = null;
    if (survey === null || (before !== null && before.startedAt >= survey.startedAt)) return;
    this.facts = survey;
    const seen = { instances: [...survey.instances.values()], tasks: [...survey.tasks.values()].flat() };
    if (whomToWake(before, seen, [this.world.spec]).length > 0) this.wakeAt = this.ecs.now;
    this.surveyWanted = false;
  }

  loseFacts(): void {
    this.facts = null;
    this.survey = null;
    this.note('facts lost');
  }

  // --- what people do ------------------------------------------------------------------------------------------------

  deploy(): void {
    this.deployments += 1;
    const id: DeploymentId = deploymentId(this.deployments);
    const deployment = {
      id,
      token: as<DeploymentToken>('token'),
      taskDefinition: definition(1),
      createdAt: this.now(),
    };
    this.respec({ target: id });
    this.world = {
      ...this.world,
      deployments: new Map([
        ...this.world.deployments,
        [id, { value: deployment, created: this.modified(), modified: this.modified() }],
      ]),
    };
    this.note('deployments');
  }

  remove(): void {
    this.respec({ deletion: { requestedAt: this.now(), tasks: 'stop' } });
  }

  private respec(changes: Partial<World['spec']['value']>): void {
    this.revision += 1;
    const { spec } = this.world;
    this.world = { ...this.world, spec: { ...spec, value: { ...spec.value, ...changes }, modified: this.modified() } };
    this.wakeAt = this.ecs.now;
  }

  // --- the environment's turn ----------------------------------------------------------------------------------------

  /** `replies` are the fates of the turn's calls, one after the other and around. */
  turn(crash: Crash, replies: readonly Reply[], lookFails: boolean): Plan {
    this.wakeAt = null;
    const plan = this.plan(lookFails);
    if (plan.needsSurvey) this.surveyWanted = true;
    this.checkPlan(plan);
    if (crash !== 'none') {
      this.note(crash);
      this.wakeAt = this.ecs.now; // The queue brings the job of a lost worker back.
    }
    if (crash === 'before-commit') return plan;
    this.commit(crash === 'mid-commit' ? plan.changes.slice(0, Math.ceil(plan.changes.length / 2)) : plan.changes);
    if (crash === 'mid-commit' || crash === 'after-commit') return plan;
    if (crash === 'frozen') {
      this.frozen.push(() => this.act(plan.effects, replies));
      return plan;
    }
    if (plan.finished) {
      this.finished = true;
      return plan;
    }
    const settlement = settle(freeze(this.act(plan.effects, replies)), plan.slots, this.policy);
    if (crash === 'after-act') return plan;
    this.commit(settlement.changes);
    for (const time of [plan.wakeAt, settlement.wakeAt]) {
      if (time !== null && (this.wakeAt === null || time < this.wakeAt)) this.wakeAt = time;
    }
    return plan;
  }

  /** Frozen turns wake up, late but within `actWithin`; their answers are fenced off. */
  thaw(): void {
    for (const act of this.frozen.splice(0)) act();
  }

  advance(ms: number): void {
    if (this.frozen.length > 0 && ms >= this.policy.actWithinMs / 2) {
      this.ecs.advance(this.policy.actWithinMs / 2);
      this.thaw();
      this.ecs.advance(ms - this.policy.actWithinMs / 2);
    } else this.ecs.advance(ms);
  }

  private plan(lookFails: boolean): Plan {
    let looks: Looks = NO_LOOKS;
    for (let round = 1; ; round += 1) {
      const seen = freeze({ now: this.now(), world: this.world, facts: this.facts, looks });
      const from = this.launches;
      const plan = planEnvironment(seen, this.policy, this.mint);
      const used = this.launches;
      this.launches = from;
      expect(planEnvironment(seen, this.policy, this.mint), 'the same observation gives the same plan').toEqual(plan);
      this.launches = used;
      const { tasks, instances, taskDefinition } = plan.look;
      if (round === 3 || lookFails || tasks.length + instances.length + Number(taskDefinition) === 0) return plan;
      looks = {
        tasks: new Map([...looks.tasks, ...tasks.map((arn) => [arn, this.ecs.describeTask(arn)] as const)]),
        instances: new Map([
          ...looks.instances,
          ...instances.map((arn) => [arn, this.ecs.describeInstance(arn)] as const),
        ]),
        taskDefinition: taskDefinition ? 'ACTIVE' : looks.taskDefinition,
      };
    }
  }

  /** What must hold of every plan, whatever it was made from. */
  private checkPlan(plan: Plan): void {
    // As they are once the plan's changes have landed: a launch settled by this plan is no longer in the way.
    const launches = new Map([...this.world.launches].map(([id, { value }]) => [id, value]));
    for (const change of changesOf(plan)) {
      if (change.kind === 'put-launch') launches.set(change.launch.id, change.launch);
      if (change.kind === 'delete-launch') launches.delete(change.launch);
    }
    for (const effect of launchesIn(plan)) if (!effect.replay) launches.delete(effect.launch.id);
    const open = [...launches.values()].flatMap((launch) => launch.members);
    const taken = new Set([...open.map(({ instance }) => instance), ...open.map(({ ec2InstanceId }) => ec2InstanceId)]);
    for (const effect of plan.effects) {
      if (effect.kind === 'stop') {
        this.note(`stop: ${effect.reason}`);
        continue;
      }
      this.note(effect.replay ? 'replays' : 'launches');
      if (effect.replay) continue;
      for (const member of effect.launch.members) {
        for (const name of [member.instance, member.ec2InstanceId]) {
          expect(taken, 'a launch overlaps another').not.toContain(name);
          taken.add(name);
        }
        expect(this.ecs.liveOn(member.instance), 'a launch on a host with a live task').toEqual([]);
      }
    }
    for (const change of changesOf(plan)) {
      if (change.kind === 'put-slot' && change.slot.task?.launch === null) this.note('adopted');
      if (change.kind === 'put-slot' && change.slot.tries.reason?.startsWith('outcome never learned') === true)
        this.note('freed by listings');
      if (change.kind === 'put-launch' && change.launch.noReplay === 'observed') this.note('observed in part');
      if (change.kind === 'delete-slot') this.note('forgotten');
    }
    expect(plan.changes.every((group) => group.length <= 32)).toBe(true);
  }

  private act(effects: readonly Effect[], replies: readonly Reply[]): readonly Acted[] {
    return effects.map((effect, index): Acted => {
      const reply = replies[index % replies.length] ?? 'ok';
      const endedAt = this.now();
      if (effect.kind === 'launch') {
        return { effect, outcome: this.launch(effect, reply), endedAt };
      }
      const fault = { code: reply, message: '' };
      if (reply === 'throttled' || reply === 'refused') return { effect, outcome: { kind: 'refused', fault }, endedAt };
      if (reply !== 'never-arrived') this.ecs.stop(effect.task);
      return { effect, outcome: reply === 'ok' ? { kind: 'done' } : { kind: 'unknown', fault }, endedAt };
    });
  }

  private launch({ launch, replay }: Effect & { readonly kind: 'launch' }, reply: Reply): LaunchOutcome {
    const promised = this.world.launches.get(launch.id)?.value;
    if (this.frozen.length === 0 && promised?.promisedAt === launch.promisedAt) {
      expect(promised, 'a launch is promised before it is sent').toEqual(launch);
    }
    this.note(`reply: ${reply}`);
    const fault = { code: reply, message: '' };
    const no = replay ? ({ kind: 'unknown', fault } as const) : null;
    // The gateway's part of the bargain: what would leave too late does not leave.
    const late = this.ecs.now - launch.promisedAt > this.policy.actWithinMs;
    switch (late ? 'throttled' : reply) {
      case 'ok':
      case 'full': {
        const outcome = this.ecs.run(launch, reply === 'full' ? (launch.members[0]?.instance ?? null) : null);
        const members = new Set(launch.members.map(({ instance }) => instance));
        if (outcome.tasks.some((task) => task.instance !== null && !members.has(task.instance)))
          this.note('placed elsewhere');
        return outcome;
      }
      case 'lost':
        this.ecs.run(launch, null);
        return { kind: 'unknown', fault };
      case 'late':
        this.ecs.fly(launch, this.policy.signatureMs);
        return { kind: 'unknown', fault };
      case 'never-arrived':
        return { kind: 'unknown', fault };
      case 'throttled':
        return no ?? { kind: 'refused', fault, retry: true };
      case 'refused':
        return no ?? { kind: 'refused', fault, retry: false };
      case 'conflict':
        return this.ecs.conflict(launch) ?? this.ecs.run(launch, null);
    }
  }

  private commit(groups: readonly ChangeGroup[]): void {
    if (groups.length === 0) return;
    this.revision += 1;
    const slots = new Map(this.world.slots);
    const launches = new Map(this.world.launches);
    const progress = new Map(this.world.progress);
    let { status } = this.world;
    const modified = this.modified();
    for (const change of groups.flat()) {
      switch (change.kind) {
        case 'put-launch': {
          const created = launches.get(change.launch.id)?.created ?? modified;
          launches.set(change.launch.id, { value: change.launch, created, modified });
          break;
        }
        case 'delete-launch':
          launches.delete(change.launch);
          break;
        case 'put-slot':
          slots.set(change.slot.instance, { value: change.slot, created: modified, modified });
          break;
        case 'delete-slot':
          slots.delete(change.instance);
          break;
        case 'put-progress':
          progress.set(change.progress.id, change.progress);
          break;
        case 'put-status':
          ({ status } = change);
      }
    }
    this.world = { ...this.world, slots, launches, progress, status };
  }

  private readonly mint = (): LaunchId => launchId((this.launches += 1));
  private now = (): Instant => as<Instant>(this.ecs.now);
  private modified = (): Revision => as<Revision>(this.revision);
  private note(what: string): void {
    this.count[what] = (this.count[what] ?? 0) + 1;
  }
}
