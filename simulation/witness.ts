/** Sees what ECS really did and what really landed in the store, and judges N1 to N11 by it. */
import type { EnvironmentId, InstanceArn, LaunchId, Revision, TaskArn } from '../src/domain/ids.ts';
import type { Change, ChangeGroup } from '../src/domain/plan.ts';
import type { EnvironmentRecord } from '../src/domain/world.ts';
import type { Claim, CommitResult } from '../src/store/store.ts';
import type { EcsAnswer } from '../sim/model/answer.ts';
import type { EcsModel, LiveTask } from '../sim/model/model.ts';
import type { Invariant, Violation } from './invariants.ts';
import { EPOCH, type Process } from './process.ts';
import { RolloutWitness, type Turn } from './rollout-witness.ts';
import { POLICY } from './scale.ts';
import type { Timeline } from './timeline.ts';
import type { Cluster } from './world.ts';

export type Write = 'intents' | 'outcomes' | 'rollback' | 'removal';

export interface Landing {
  readonly process: Process;
  readonly environment: EnvironmentId;
  readonly claim: Claim;
  readonly what: Write;
  readonly groups: readonly ChangeGroup[];
  readonly result: CommitResult;
  /** Counts the writes of a claim. */
  readonly number: number;
}

interface StopBody {
  readonly task: string;
  readonly reason: string;
}

interface Promised {
  readonly request: object;
  /** True moment by which it must have left. */
  readonly notAfter: number;
}

interface Known {
  fence: Revision;
  spec: Revision;
  readonly tasks: Map<InstanceArn, TaskArn>;
  readonly launches: Set<LaunchId>;
}

export class Witness {
  violation: Violation | null = null;
  /** What was reached, so that a run that reached nothing is seen to. */
  readonly reached = new Map<string, number>();
  launchCalls = 0;
  tasksStarted = 0;
  changeCalls = 0;
  paidCalls = 0;
  /** Hears what landed and what ECS did. */
  tell: ((line: string) => void) | null = null;
  readonly rollouts: RolloutWitness;
  private readonly model: EcsModel;
  private readonly cluster: Cluster;
  private readonly timeline: Timeline;
  private readonly environments = new Map<EnvironmentId, Known>();
  private readonly promises = new Map<LaunchId, Promised[]>();
  private readonly launchOfRequest = new Map<object, LaunchId>();
  private readonly made = new Map<LaunchId, Set<TaskArn>>();
  private readonly known = new Set<string>();
  private readonly lastWrite = new Map<Claim, number>();
  private readonly underWay = new Map<LaunchId, number>();
  private readonly owners = new Map<string, EnvironmentId>();

  constructor(around: { model: EcsModel; cluster: Cluster; timeline: Timeline }) {
    this.model = around.model;
    this.cluster = around.cluster;
    this.timeline = around.timeline;
    const violate = (invariant: Invariant, detail: string): void => this.violate(invariant, detail);
    this.rollouts = new RolloutWitness({ ...around, violate, note: (what) => this.note(what) });
  }

  violate(invariant: Invariant, detail: string): void {
    this.violation ??= { invariant, at: this.timeline.now, detail };
  }

  note(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  afterStep(): void {
    if (this.model.mostLive > 1) this.violate('N1', this.doubles());
    if (this.changeCalls > this.paidCalls) this.violate('N9', `${this.changeCalls} calls, ${this.paidCalls} tokens`);
    this.rollouts.afterStep();
  }

  // --- the store -----------------------------------------------------------------------------------------------------

  specWritten(record: EnvironmentRecord): void {
    this.of(record.spec.value.id).spec = record.spec.modified;
    this.rollouts.specWritten(record);
  }

  claimed(environment: EnvironmentId, claim: Claim): void {
    this.of(environment).fence = claim.fence;
  }

  committed({ process, environment, claim, what, groups, result, number }: Landing): void {
    const known = this.of(environment);
    this.tell?.(`${process.name} ${what} of ${environment}: ${result.kind} ${JSON.stringify(groups.flat())}`);
    if (result.kind === 'fenced') this.note('write fenced off');
    if (result.kind !== 'committed') return;
    if (known.fence !== claim.fence) this.violate('N6', `${what} of ${environment} behind fence ${known.fence}`);
    if ((this.lastWrite.get(claim) ?? 0) >= number)
      this.violate('N6', `${what} of ${environment} behind a later write`);
    this.lastWrite.set(claim, number);
    if (what !== 'outcomes' && known.spec !== claim.world.spec.modified) {
      this.violate('N6', `${what} of ${environment} behind spec ${known.spec}`);
    }
    for (const group of groups) for (const change of group) this.landed(process, environment, change);
    if (what === 'removal') this.rollouts.removed(environment);
    for (const change of groups.flat()) if (change.kind === 'delete-launch') this.settled(change.launch, known);
  }

  private landed(process: Process, environment: EnvironmentId, change: Change): void {
    const known = this.of(environment);
    switch (change.kind) {
      case 'put-launch': {
        const { id, request, promisedAt, noReplay, emptyListingAt, returned } = change.launch;
        known.launches.add(id);
        this.rollouts.launchWritten(change.launch);
        if (!this.launchOfRequest.has(request)) this.launchOfRequest.set(request, id);
        const notAfter = process.trueTime(promisedAt) + POLICY.actWithinMs;
        const promises = this.promises.get(id) ?? [];
        if (!promises.some((one) => one.notAfter === notAfter && one.request === request)) {
          this.promises.set(id, [...promises, { request, notAfter }]);
        }
        if (noReplay !== null) this.note(`not replayed: ${noReplay}`);
        if (emptyListingAt !== null) this.note('first empty listing');
        if (returned.length > 0) this.note('returned without hosts');
        break;
      }
      case 'delete-launch':
        known.launches.delete(change.launch);
        break;
      case 'put-slot': {
        const { instance, task, tries } = change.slot;
        const before = known.tasks.get(instance);
        if (before !== undefined && before !== task?.arn) this.givenUp(before, instance);
        this.rollouts.slotWritten(environment, change.slot);
        if (task === null) known.tasks.delete(instance);
        else known.tasks.set(instance, task.arn);
        if (task !== null) this.owners.set(task.arn, environment);
        if (task !== null && task.launch === null && before !== task.arn) this.note('adopted');
        if (tries.reason?.startsWith('outcome never learned') === true) this.note('freed by listings');
        if (tries.reason?.startsWith('ECS does not know') === true) this.note('believed gone');
        break;
      }
      case 'delete-slot': {
        const before = known.tasks.get(change.instance);
        if (before !== undefined) this.givenUp(before, change.instance);
        known.tasks.delete(change.instance);
        this.note('host forgotten');
        break;
      }
      case 'put-progress':
        this.rollouts.progressWritten(change.progress);
        break;
      case 'put-history':
      case 'put-status':
        break;
    }
  }

  /** The environment that recorded the task last. */
  recordedBy(task: string): EnvironmentId | undefined {
    return this.owners.get(task);
  }

  private givenUp(task: TaskArn, host: InstanceArn): void {
    if (this.live(task) !== null) this.violate('N8', `${task} on ${host} lives`);
  }

  private settled(launch: LaunchId, known: Known): void {
    if (known.launches.has(launch)) return;
    for (const task of this.made.get(launch) ?? []) {
      if (this.live(task) !== null && ![...known.tasks.values()].includes(task)) {
        this.violate('N7', `${launch} is settled without its task ${task}`);
      }
    }
  }

  // --- calls to ECS --------------------------------------------------------------------------------------------------

  sent(process: Process, turn: Turn, operation: string, body: object): void {
    this.changeCalls += 1;
    if (operation === 'StopTask') {
      const { task, reason } = body as StopBody;
      this.note(`stop: ${reason.replace(/^.*: /, '')}`);
      this.rollouts.stopSent(turn, task, reason);
      return;
    }
    this.launchCalls += 1;
    const id = this.launchOf(body);
    this.rollouts.launchSent(turn, id);
    const promises = (id === undefined ? undefined : this.promises.get(id)) ?? [];
    const same = promises.filter(({ request }) => request === body || JSON.stringify(request) === JSON.stringify(body));
    if (same.length === 0) this.violate('N3', `${process.name} sends ${id ?? 'a launch'} without an intent for it`);
    else if (same.every(({ notAfter }) => this.timeline.now > notAfter)) {
      this.violate('N4', `${process.name} sends ${id ?? ''} after its time`);
    }
    if (promises.length > 1) this.note('launch replayed');
    if (id === undefined) return;
    if ((this.underWay.get(id) ?? -1) > this.timeline.now) this.violate('N11', `${process.name} sends ${id} again`);
    this.underWay.set(id, this.timeline.now + POLICY.requestTimeoutMs);
  }

  /** The sender knows how his call ended, or has given it up. */
  ended(body: object): void {
    const id = this.launchOf(body);
    if (id !== undefined) this.underWay.delete(id);
  }

  /** The call is about to be carried out. */
  arrives(operation: string, body: object): void {
    if (operation !== 'StopTask') return;
    const { task, reason } = body as StopBody;
    this.rollouts.stopArrives(task, reason, this.recordedBy(task));
  }

  carriedOut(operation: string, body: object, answer: EcsAnswer): void {
    this.tell?.(`${operation} ${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    if (operation === 'StopTask') return;
    if (answer.kind === 'error') {
      if (answer.type === 'ConflictException') this.violate('N5', this.launchOf(body) ?? 'a launch');
      return;
    }
    const { tasks } = answer.body as { readonly tasks: readonly { taskArn: string; containerInstanceArn?: string }[] };
    const fresh = tasks.filter(({ taskArn }) => !this.known.has(taskArn));
    if (tasks.length > fresh.length) this.note('replay absorbed');
    for (const { taskArn } of fresh) this.known.add(taskArn);
    const id = this.launchOf(body);
    this.tasksStarted += fresh.length;
    if (fresh.length === 0 || id === undefined) return;
    const all = this.made.get(id) ?? new Set();
    for (const { taskArn } of fresh) all.add(taskArn as TaskArn);
    this.made.set(id, all);
    this.rollouts.tasksMade(id, fresh);
    if (![...this.environments.values()].some(({ launches }) => launches.has(id))) {
      this.violate('N7', `a call of ${id} starts ${fresh.length} tasks after it was settled`);
    }
    for (const { taskArn } of fresh) this.checkMachine(taskArn, this.promises.get(id) ?? []);
  }

  /** ARNs of the tasks that the request's key is bound to, live or not. */
  tasksOf(body: object): readonly string[] {
    const id = this.launchOf(body);
    return id === undefined ? [] : [...(this.made.get(id) ?? [])];
  }

  private checkMachine(taskArn: string, promises: readonly Promised[]): void {
    const task = this.live(taskArn);
    if (task === null) return;
    for (const other of this.cluster.daemons()) {
      if (other.ec2InstanceId !== task.ec2InstanceId || other.group !== task.group) continue;
      if (other.containerInstanceArn === task.containerInstanceArn) continue;
      const gone = this.cluster.awaySince(other.containerInstanceArn);
      const promisedAt = Math.min(...promises.map(({ notAfter }) => notAfter - POLICY.actWithinMs));
      if (gone !== null && promisedAt - gone >= POLICY.supersededAfterMs - POLICY.clockSkewMs) {
        this.note('machine taken over by its later registration');
        continue;
      }
      this.violate('N2', `${task.taskArn} beside ${other.taskArn} on ${task.ec2InstanceId}`);
    }
  }

  private launchOf(body: object): LaunchId | undefined {
    return this.launchOfRequest.get(body) ?? (body as { clientToken?: LaunchId }).clientToken;
  }

  private live(arn: string): LiveTask | null {
    return this.cluster.liveTask(arn);
  }

  private doubles(): string {
    const { hostsAndGroups } = this.model.ledger(EPOCH + this.timeline.now);
    return hostsAndGroups
      .filter(({ maxLive }) => maxLive > 1)
      .map(({ containerInstanceArn, group, maxLive }) => `${maxLive} of ${group} on ${containerInstanceArn}`)
      .join('; ');
  }

  private of(environment: EnvironmentId): Known {
    const fresh = { fence: 0 as Revision, spec: 0 as Revision, tasks: new Map(), launches: new Set<LaunchId>() };
    const known: Known = this.environments.get(environment) ?? fresh;
    this.environments.set(environment, known);
    return known;
  }
}
