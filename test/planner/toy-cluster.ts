/** A cluster in a few lines: tasks start, stop and fail as they are told to. It counts for itself, not by slots. */
import type { Facts, Instance, Task } from '../../src/domain/facts.ts';
import {
  after,
  as,
  type InstanceArn,
  type Instant,
  type LaunchId,
  type Revision,
  type TaskArn,
} from '../../src/domain/ids.ts';
import type { Acted, Effect, LaunchOutcome, PlacementFailure, ReturnedTask } from '../../src/domain/plan.ts';
import { facts, host, instance, taskArn } from './fixtures.ts';

const START_MS = 2_000;
const STOP_MS = 3_000;

export interface Nature {
  readonly hosts: number;
  /** Hosts that ECS never places a task on. */
  readonly dead: ReadonlySet<number>;
  /** Hosts on which a task of this definition dies after a while, and `all`. */
  readonly sickOn: ReadonlySet<number>;
  readonly sickEverywhere: boolean;
  readonly sickDefinition: string;
  readonly sickAfterMs: number;
  readonly zones: number;
  /** One in so many calls is refused, and one in so many is answered but the answer lost; 0: none. */
  readonly refusedOneIn: number;
  readonly lostOneIn: number;
}

export interface ToyTask {
  readonly arn: TaskArn;
  readonly instance: InstanceArn;
  readonly startedBy: string | null;
  readonly taskDefinition: string;
  readonly createdAt: Instant;
  readonly runsAt: Instant;
  /** When it dies by itself. */
  readonly diesAt: number;
  stopsAt: number;
  stopCode: string;
}

export class ToyCluster {
  readonly tasks: ToyTask[] = [];
  readonly disconnected = new Set<InstanceArn>();
  /** Hosts that had a live task when they got another one. */
  doubled = 0;
  private readonly nature: Nature;
  private readonly answers = new Map<LaunchId, LaunchOutcome>();
  private readonly byHost = new Map<InstanceArn, readonly ToyTask[]>();
  private calls = 0;

  constructor(nature: Nature) {
    this.nature = nature;
  }

  put(n: number, definition: string, startedBy: string, at: Instant): ToyTask {
    return this.create(host(n), definition, startedBy, after(at, -START_MS));
  }

  task(arn: TaskArn): ToyTask | undefined {
    return this.tasks[Number(arn.slice(-6)) - 1];
  }

  liveOn(arn: InstanceArn, now: Instant): readonly ToyTask[] {
    return (this.byHost.get(arn) ?? []).filter((task) => !isOver(task, now));
  }

  facts(now: Instant, revision: Revision): Facts {
    const hosts = Array.from({ length: this.nature.hosts }, (_, index) => this.instanceOf(index + 1));
    return facts(
      hosts,
      this.tasks.filter((task) => !isOver(task, now)).map((task) => shown(task, now)),
      { startedAt: now, revision },
    );
  }

  describe(arns: readonly TaskArn[], now: Instant): ReadonlyMap<TaskArn, Task | 'MISSING'> {
    return new Map(
      arns.map((arn) => {
        const task = this.task(arn);
        return [arn, task === undefined ? 'MISSING' : shown(task, now)];
      }),
    );
  }

  act(effect: Effect, now: Instant): Acted {
    this.calls += 1;
    const refused = isOneIn(this.nature.refusedOneIn, this.calls);
    const fault = { code: 'ThrottlingException', message: 'slow down' };
    if (effect.kind === 'stop') {
      if (refused) return { effect, outcome: { kind: 'refused', fault }, endedAt: now };
      const task = this.task(effect.task);
      if (task !== undefined && !isOver(task, now) && task.stopsAt === Infinity) {
        task.stopsAt = now + STOP_MS;
        task.stopCode = 'UserInitiated';
      }
      return { effect, outcome: { kind: 'done' }, endedAt: now };
    }
    if (refused && !effect.replay) return { effect, outcome: { kind: 'refused', fault, retry: true }, endedAt: now };
    const { launch } = effect;
    const outcome = this.answers.get(launch.id) ?? this.launch(effect, now);
    this.answers.set(launch.id, outcome);
    const lost = isOneIn(this.nature.lostOneIn, this.calls);
    return { effect, outcome: lost ? { kind: 'unknown', fault } : outcome, endedAt: now };
  }

  private launch({ launch }: Effect & { kind: 'launch' }, now: Instant): LaunchOutcome {
    const tasks: ReturnedTask[] = [];
    const failures: PlacementFailure[] = [];
    for (const member of launch.members) {
      if (this.nature.dead.has(numberOf(member.instance))) {
        failures.push({ instance: member.instance, reason: 'RESOURCE:MEMORY' });
        continue;
      }
      if (this.liveOn(member.instance, now).length > 0) this.doubled += 1;
      const { arn, instance: on } = this.create(member.instance, launch.taskDefinition, launch.deployment, now);
      tasks.push({ arn, instance: on });
    }
    return { kind: 'done', tasks, failures };
  }

  private create(on: InstanceArn, definition: string, startedBy: string, now: Instant): ToyTask {
    const { sickDefinition, sickEverywhere, sickOn, sickAfterMs } = this.nature;
    const sick = definition === sickDefinition && (sickEverywhere || sickOn.has(numberOf(on)));
    const task: ToyTask = {
      arn: taskArn(this.tasks.length + 1),
      instance: on,
      startedBy,
      taskDefinition: definition,
      createdAt: now,
      runsAt: after(now, START_MS),
      diesAt: sick ? now + START_MS + sickAfterMs : Infinity,
      stopsAt: Infinity,
      stopCode: 'EssentialContainerExited',
    };
    this.tasks.push(task);
    this.byHost.set(on, [...(this.byHost.get(on) ?? []), task]);
    return task;
  }

  private instanceOf(n: number): Instance {
    const attributes = new Map([['zone', `z${n % this.nature.zones}`]]);
    return instance(n, { agentConnected: !this.disconnected.has(host(n)), attributes });
  }
}

const numberOf = (arn: InstanceArn): number => Number(arn.slice(-6));

export const isOver = (task: ToyTask, now: Instant): boolean => Math.min(task.stopsAt, task.diesAt) <= now;

const isOneIn = (n: number, call: number): boolean => n > 0 && call % n === 0;

function shown(task: ToyTask, now: Instant): Task {
  const over = isOver(task, now);
  const running = task.stopsAt < Infinity ? 'STOPPING' : 'RUNNING';
  return {
    arn: task.arn,
    instance: task.instance,
    group: 'daemon:agent',
    startedBy: task.startedBy,
    taskDefinition: as(task.taskDefinition),
    lastStatus: over ? 'STOPPED' : now >= task.runsAt ? running : 'PENDING',
    desiredStatus: over || task.stopsAt < Infinity ? 'STOPPED' : 'RUNNING',
    createdAt: task.createdAt,
    stopCode: over ? task.stopCode : null,
    stoppedReason: over ? 'it ended' : null,
    health: 'UNKNOWN',
    version: 1,
  };
}
