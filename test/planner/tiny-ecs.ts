/**
 * A tiny ECS, for the planner's properties: what is really there. Nothing across calls keeps it from putting two tasks
 * on a host, so that what keeps them apart is the planner alone.
 */
import type { Instance, Task } from '../../src/domain/facts.ts';
import { as, type InstanceArn, type Instant, type TaskArn } from '../../src/domain/ids.ts';
import type { Launch } from '../../src/domain/launch.ts';
import type { LaunchOutcome, ReturnedTask } from '../../src/domain/plan.ts';
import type { Policy } from '../../src/domain/policy.ts';
import { deploymentId, host, instance, machine, task, taskArn } from './fixtures.ts';

export interface Host {
  readonly arn: InstanceArn;
  readonly machine: string;
  readonly registeredAt: number;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  connected: boolean;
  foreign: number;
  goneAt: number;
}

interface Running {
  readonly arn: TaskArn;
  readonly host: Host;
  readonly startedBy: string;
  readonly createdAt: number;
  /** When listings and descriptions begin to show it. */
  readonly shownAt: number;
  status: 'PENDING' | 'RUNNING' | 'STOPPING' | 'STOPPED';
  changedAt: number;
  stopCode: string | null;
}

/** A call under way. */
interface Flight {
  readonly launch: Launch;
  readonly arrivesAt: number;
}

const START_MS = 300;
const STOP_MS = 500;
/** How long ECS calls a deregistered instance INACTIVE before it does not know it any more. */
const INACTIVE_MS = 10_000;

export class TinyEcs {
  now: number;
  readonly hosts: Host[] = [];
  readonly tasks: Running[] = [];
  /** The greatest number of live tasks that a host ever had. */
  mostLive = 0;
  private readonly policy: Policy;
  private readonly answers = new Map<string, LaunchOutcome & { readonly kind: 'done' }>();
  private flights: Flight[] = [];
  private made = 0;

  constructor(now: number, policy: Policy) {
    this.now = now;
    this.policy = policy;
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (const flight of this.flights.filter(({ arrivesAt }) => arrivesAt <= until)) {
      this.now = Math.max(this.now, flight.arrivesAt);
      this.run(flight.launch, null);
    }
    this.flights = this.flights.filter(({ arrivesAt }) => arrivesAt > until);
    this.now = until;
    for (const task of this.tasks) {
      const age = this.now - task.changedAt;
      if (!task.host.connected) continue;
      if (task.status === 'PENDING' && age >= START_MS) this.become(task, 'RUNNING', null);
      if (task.status === 'STOPPING' && age >= STOP_MS) this.become(task, 'STOPPED', task.stopCode);
    }
  }

  join(machineOf?: Host): Host {
    const n = this.hosts.length + 1;
    const joined: Host = {
      arn: host(n),
      machine: machineOf?.machine ?? machine(n),
      registeredAt: this.now,
      status: 'ACTIVE',
      connected: true,
      foreign: 0,
      goneAt: Infinity,
    };
    this.hosts.push(joined);
    return joined;
  }

  /** Deregistered: ECS calls its tasks STOPPED. */
  vanish(one: Host): void {
    one.status = 'INACTIVE';
    one.connected = false;
    one.goneAt = this.now;
    for (const task of this.tasks)
      if (task.host === one && task.status !== 'STOPPED') this.become(task, 'STOPPED', null);
  }

  die(task: Running): void {
    if (task.host.connected && task.status !== 'STOPPED') this.become(task, 'STOPPED', 'EssentialContainerExited');
  }

  stop(arn: TaskArn): void {
    const task = this.tasks.find((one) => one.arn === arn);
    if (task !== undefined && (task.status === 'PENDING' || task.status === 'RUNNING'))
      this.become(task, 'STOPPING', 'UserInitiated');
  }

  start(on: Host, startedBy: string, lag: number): Running {
    this.made += 1;
    const started: Running = {
      arn: taskArn(this.made),
      host: on,
      startedBy,
      createdAt: this.now,
      shownAt: this.now + lag,
      status: 'PENDING',
      changedAt: this.now,
      stopCode: null,
    };
    this.tasks.push(started);
    this.mostLive = Math.max(this.mostLive, this.liveOn(on.arn).length);
    return started;
  }

  liveOn(arn: InstanceArn): readonly Running[] {
    return this.tasks.filter((task) => task.host.arn === arn && task.status !== 'STOPPED');
  }

  /** The call arrives after `delay`; its answer is lost. */
  fly(launch: Launch, delay: number): void {
    this.flights.push({ launch, arrivesAt: this.now + delay });
  }

  /** RunTask: machines are named in the body, and the token binds the answer. `full`: a host without room. */
  run(launch: Launch, full: InstanceArn | null): LaunchOutcome & { readonly kind: 'done' } {
    const known = this.answers.get(launch.id);
    if (known !== undefined) return { ...known, tasks: known.tasks.map((one) => this.remembered(one)) };
    const named = namedMachines(launch);
    const fit = this.hosts.filter(
      (one) => one.status === 'ACTIVE' && one.connected && named.has(one.machine) && one.arn !== full,
    );
    const tasks = fit.slice(0, Number(launch.request['count'])).map((one, index) => {
      const lag = (launch.id.length * 700 + index * 1_100 + this.made * 300) % this.policy.visibilityMs;
      return { arn: this.start(one, launch.deployment, lag).arn, instance: one.arn };
    });
    const failures = tasks.length < named.size ? [{ instance: full, reason: 'RESOURCE:CPU' }] : [];
    const answer = { kind: 'done', tasks, failures } as const;
    this.answers.set(launch.id, answer);
    return answer;
  }

  /** A conflict: the token's tasks without their hosts. */
  conflict(launch: Launch): LaunchOutcome | null {
    const known = this.answers.get(launch.id);
    if (known === undefined || known.tasks.length === 0) return null;
    return { kind: 'done', tasks: known.tasks.map(({ arn }) => ({ arn, instance: null })), failures: [] };
  }

  describeTask(arn: TaskArn): Task | 'MISSING' {
    const found = this.tasks.find((one) => one.arn === arn);
    return found === undefined || !this.shows(found) ? 'MISSING' : this.asTask(found);
  }

  describeInstance(arn: InstanceArn): Instance | 'MISSING' {
    const found = this.hosts.find((one) => one.arn === arn);
    return found === undefined || this.now - found.goneAt >= INACTIVE_MS ? 'MISSING' : this.asInstance(found);
  }

  listing(): { readonly instances: readonly Instance[]; readonly tasks: readonly Task[] } {
    return {
      instances: this.hosts.filter((one) => one.status !== 'INACTIVE').map((one) => this.asInstance(one)),
      tasks: this.tasks.filter((one) => this.shows(one)).map((one) => this.asTask(one)),
    };
  }

  private remembered({ arn, instance }: ReturnedTask): ReturnedTask {
    const stopped = this.tasks.find((one) => one.arn === arn)?.status === 'STOPPED';
    return { arn, instance: stopped ? null : instance };
  }

  private become(task: Running, status: Running['status'], stopCode: string | null): void {
    task.status = status;
    task.changedAt = this.now;
    task.stopCode = stopCode;
  }

  private shows(task: Running): boolean {
    const forgotten = task.status === 'STOPPED' && this.now - task.changedAt > this.policy.missingAfterMs;
    return this.now >= task.shownAt && !forgotten;
  }

  private asTask(one: Running): Task {
    const leaving = one.status === 'STOPPING' || one.status === 'STOPPED';
    return task(0, {
      arn: one.arn,
      instance: one.host.arn,
      startedBy: one.startedBy,
      lastStatus: one.status,
      desiredStatus: leaving ? 'STOPPED' : 'RUNNING',
      createdAt: as<Instant>(one.createdAt),
      stopCode: one.stopCode,
      stoppedReason: one.stopCode,
    });
  }

  private asInstance(one: Host): Instance {
    return instance(0, {
      arn: one.arn,
      ec2InstanceId: one.machine,
      status: one.status,
      agentConnected: one.connected,
      registeredAt: as<Instant>(one.registeredAt),
      foreignTasks: one.foreign,
    });
  }
}

function namedMachines(launch: Launch): ReadonlySet<string> {
  const [pin] = launch.request['placementConstraints'] as readonly { readonly expression: string }[];
  return new Set([...(pin?.expression ?? '').matchAll(/'([^']+)'/g)].map(([, id]) => id ?? ''));
}

/** Who started the tasks that were there before the environment. */
export const PREDECESSOR = deploymentId(999);
