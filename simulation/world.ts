/** The cluster as it lives: machines that come, go, drain, disconnect and register again, and tasks that end. */
import type { EcsModel, HostSummary, LiveTask } from '../sim/model/model.ts';
import type { Chance } from './chance.ts';
import type { ClusterEvent, Faults } from './faults.ts';
import { EPOCH } from './process.ts';
import type { Timeline } from './timeline.ts';

export const CLUSTER = 'sim';
/** An attribute of hosts that environments select by; people change it. */
export const TIER = 'tier';
export const TIERS = ['gold', 'iron'] as const;
/** The one alarm there is. */
export const ALARM = 'errors';
const ALARM_MS = { least: 300, most: 3_000 };
const FLAP_MS = { least: 50, most: 800 };
const AWAY_MS = { least: 1_000, most: 5_000 };
const FILLED_MS = { least: 500, most: 6_000 };
const OLD_REGISTRATION_MS = { least: 500, most: 8_000 };
/** CPU units: what a host has, what a daemon task takes, and what is too little for one. */
const HOST_CPU = 4_096;
export const TASK_CPU = 64;
const TOO_LITTLE = 32;

export class Cluster {
  readonly model: EcsModel;
  private readonly timeline: Timeline;
  private readonly faults: Faults;
  private readonly chance: Chance;
  /** No machine joins beyond that. */
  private readonly hostsMost: number;
  private readonly away = new Map<string, number>();
  /** Registrations whose machine has registered anew: their agents never come back. */
  private readonly abandoned = new Set<string>();
  private readonly fillers = new Set<string>();
  private readonly changed = new Map<string, number>();
  private labelled = 0;
  /** What begun changes are still to come. */
  pending = 0;

  constructor(around: { model: EcsModel; timeline: Timeline; faults: Faults; chance: Chance; hostsMost: number }) {
    this.model = around.model;
    this.timeline = around.timeline;
    this.faults = around.faults;
    this.chance = around.chance;
    this.hostsMost = around.hostsMost;
    this.setAlarm('OK');
  }

  get now(): number {
    return EPOCH + this.timeline.now;
  }

  join(count: number): void {
    for (let n = 0; n < count; n += 1) {
      const attributes = { [TIER]: this.anyTier() };
      const [host] = this.model.addHosts(this.now, { cluster: CLUSTER, count: 1, attributes });
      if (host !== undefined && this.timeline.now > 0) this.noteChange(host.containerInstanceArn);
    }
  }

  hosts(): readonly HostSummary[] {
    return this.model.hosts(this.now, CLUSTER);
  }

  /** Live tasks of environments. */
  daemons(): readonly LiveTask[] {
    return this.model.liveTasks(this.now, CLUSTER).filter(({ group }) => group.startsWith('daemon:'));
  }

  /** A live task by ARN; null: it is stopped, or there is none. */
  liveTask(arn: string): LiveTask | null {
    return this.model.liveTask(this.now, arn);
  }

  /** When the host last became one that counts, or may have: it joined, returned, was activated or relabelled; null: never since the beginning. */
  changedAt(instance: string): number | null {
    return this.changed.get(instance) ?? null;
  }

  /** True moment since which the registration's agent is away; null: it is connected. */
  awaySince(instance: string): number | null {
    return this.away.get(instance) ?? null;
  }

  isAbandoned(instance: string): boolean {
    return this.abandoned.has(instance);
  }

  /** Whether something of the kind happened. */
  happen(kind: ClusterEvent): boolean {
    const chance = this.faults.chanceOf(kind);
    const hosts = this.hosts();
    const host = chance.pick(hosts.filter(({ containerInstanceArn: arn }) => !this.abandoned.has(arn)));
    switch (kind) {
      case 'task exits':
      case 'task stopped': {
        const task = chance.pick(this.daemons());
        if (task === undefined) return false;
        if (kind === 'task exits') {
          return this.model.exitTask(this.now, task.taskArn, { exitCode: 1, reason: 'exited' }) === 'exited';
        }
        return this.ask('StopTask', { task: task.taskArn, reason: 'a person' });
      }
      case 'host joins':
        if (hosts.length >= this.hostsMost) return false;
        this.join(1);
        return true;
      case 'host drains':
        return host?.status === 'ACTIVE' && this.setStatus(host, 'DRAINING');
      case 'host activated': {
        const draining = chance.pick(hosts.filter(({ status }) => status === 'DRAINING'));
        return draining !== undefined && this.setStatus(draining, 'ACTIVE');
      }
      case 'host filled':
        return host !== undefined && this.fill(host, chance.int(FILLED_MS.least, FILLED_MS.most));
      case 'agent flaps':
        return this.disconnect(host, chance.int(FLAP_MS.least, FLAP_MS.most));
      case 'agent disconnects':
        return this.disconnect(host, chance.int(AWAY_MS.least, AWAY_MS.most));
      case 'host registers again':
        if (host?.agentConnected !== true || hosts.length >= this.hostsMost + 2) return false;
        this.register(host.ec2InstanceId);
        this.agentGone(host.containerInstanceArn);
        if (chance.happens(0.5)) {
          const ms = chance.int(OLD_REGISTRATION_MS.least, OLD_REGISTRATION_MS.most);
          this.later(ms, 'old registration removed', () => this.vanish(host));
        }
        return true;
      case 'host replaced':
        if (host === undefined) return false;
        this.vanish(host);
        this.later(chance.int(0, 500), 'machine registers', () => this.register(host.ec2InstanceId));
        return true;
      case 'host relabelled': {
        if (host === undefined) return false;
        this.noteChange(host.containerInstanceArn);
        const attribute = { name: TIER, value: this.anyTier(), targetId: host.containerInstanceArn };
        return this.ask('PutAttributes', { attributes: [attribute] });
      }
      case 'alarm fires':
        this.setAlarm('ALARM');
        this.timeline.after(chance.int(ALARM_MS.least, ALARM_MS.most), 'alarm is over', () => this.setAlarm('OK'));
        return true;
      case 'host vanishes':
        if (host === undefined || hosts.length < 2) return false;
        this.vanish(host);
        return true;
    }
  }

  /** What was wrong with hosts is over. */
  calm(): void {
    for (const filler of this.fillers) this.ask('StopTask', { task: filler });
    this.fillers.clear();
    this.setAlarm('OK');
    for (const host of this.hosts()) {
      const { containerInstanceArn: arn } = host;
      if (!host.agentConnected && !this.abandoned.has(arn)) this.connect(arn);
      if (host.status === 'DRAINING' && this.chance.happens(0.5)) this.setStatus(host, 'ACTIVE');
    }
  }

  private later(ms: number, what: string, change: () => void): void {
    this.pending += 1;
    this.timeline.after(ms, what, () => {
      this.pending -= 1;
      change();
    });
  }

  private noteChange(instance: string): void {
    this.changed.set(instance, this.timeline.now);
  }

  /** In turn. */
  private anyTier(): string {
    return TIERS[this.labelled++ % TIERS.length] ?? TIERS[0];
  }

  private setAlarm(state: 'OK' | 'ALARM'): void {
    this.model.alarms.set(this.now, { name: ALARM, type: 'MetricAlarm', state });
  }

  private setStatus({ containerInstanceArn }: HostSummary, status: 'ACTIVE' | 'DRAINING'): boolean {
    this.noteChange(containerInstanceArn);
    return this.ask('UpdateContainerInstancesState', { containerInstances: [containerInstanceArn], status });
  }

  private disconnect(host: HostSummary | undefined, ms: number): boolean {
    if (host?.agentConnected !== true) return false;
    const { containerInstanceArn: arn } = host;
    this.model.setAgentConnected(this.now, arn, false);
    this.away.set(arn, this.timeline.now);
    this.timeline.after(ms, 'agent returns', () => {
      if (!this.abandoned.has(arn)) this.connect(arn);
    });
    return true;
  }

  private connect(arn: string): void {
    this.model.setAgentConnected(this.now, arn, true);
    this.away.delete(arn);
    this.noteChange(arn);
  }

  private agentGone(arn: string): void {
    this.abandoned.add(arn);
    if (!this.away.has(arn)) this.away.set(arn, this.timeline.now);
  }

  private register(machine: string): void {
    const before = new Set(this.hosts().map(({ containerInstanceArn }) => containerInstanceArn));
    for (const host of this.hosts()) if (host.ec2InstanceId === machine) this.agentGone(host.containerInstanceArn);
    const instanceIdentityDocument = JSON.stringify({ instanceId: machine });
    const attributes = [{ name: TIER, value: this.anyTier() }];
    this.ask('RegisterContainerInstance', { instanceIdentityDocument, attributes });
    for (const { containerInstanceArn: arn } of this.hosts()) if (!before.has(arn)) this.noteChange(arn);
  }

  private vanish({ containerInstanceArn: arn }: HostSummary): void {
    this.model.removeHost(this.now, arn);
    this.agentGone(arn);
  }

  /** Somebody else's task leaves no room for another of ours. */
  private fill({ containerInstanceArn: arn, liveTasks }: HostSummary, ms: number): boolean {
    const cpu = HOST_CPU - liveTasks * TASK_CPU - TOO_LITTLE;
    const answer = this.model.apply(this.now, {
      operation: 'StartTask',
      body: {
        cluster: CLUSTER,
        taskDefinition: 'daemon:1',
        group: `other:${this.timeline.steps}`,
        containerInstances: [arn],
        overrides: { cpu: String(cpu) },
      },
    });
    const started =
      answer.kind === 'ok' ? (answer.body as { tasks: readonly { taskArn: string }[] }).tasks[0] : undefined;
    if (started === undefined) return false;
    this.fillers.add(started.taskArn);
    this.timeline.after(ms, 'room again', () => this.ask('StopTask', { task: started.taskArn }));
    return true;
  }

  private ask(operation: string, body: object): boolean {
    return this.model.apply(this.now, { operation, body: { cluster: CLUSTER, ...body } }).kind === 'ok';
  }
}
