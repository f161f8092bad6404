/** Worker processes that die, freeze or are told to go, at named points of a turn. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosSystem } from '../system.ts';
import { NOT_SEEN, type Fault, type Happened } from './fault.ts';
import { isFrozen } from './frozen.ts';
import { catchAt, type Caught, type Point } from './points.ts';

/** Longer than a lock (5 s) and than a takeover (7 s). */
const FROZEN_MS = 9_000;
/** A takeover that takes longer is none. */
const TAKEOVER_WITHIN_MS = 20_000;
/** What an orchestrator commonly grants. */
const EXIT_WITHIN_MS = 10_000;

const atPoint = (
  kind: string,
  point: Point,
  deed: (system: ChaosSystem, caught: Caught) => Promise<Happened>,
): Fault => ({
  kind,
  inject: async (scene) => {
    const caught = await catchAt(point, scene);
    return caught === null ? NOT_SEEN : await deed(scene.system, caught);
  },
});

async function kill(system: ChaosSystem, caught: Caught): Promise<Happened> {
  const { seat } = caught;
  const since = Date.now();
  await system.processes.kill(seat.name);
  const takeoverMs = await takeover(system, caught, since);
  seat.links.etcd.cut();
  seat.links.ecs.cut();
  await system.restart(seat.name);
  return { seen: true, takeoverMs };
}

/** Its RunTask reaches ECS after another worker has repeated it. */
async function killAndDeliverLate(system: ChaosSystem, caught: Caught): Promise<Happened> {
  const since = Date.now();
  await system.processes.kill(caught.seat.name);
  const takeoverMs = await takeover(system, caught, since);
  caught.release();
  await system.restart(caught.seat.name);
  return { seen: true, takeoverMs };
}

async function freeze(system: ChaosSystem, caught: Caught): Promise<Happened> {
  const { seat } = caught;
  const since = Date.now();
  system.processes.signal(seat.name, 'SIGSTOP');
  const seen = await isFrozen(caught.pid);
  const takeoverMs = await takeover(system, caught, since);
  await delay(Math.max(0, since + FROZEN_MS - Date.now()));
  // What it had sent before it froze arrives now, behind a newer fence.
  caught.release();
  system.processes.signal(seat.name, 'SIGCONT');
  return { seen, takeoverMs };
}

async function terminate(system: ChaosSystem, caught: Caught): Promise<Happened> {
  const { name } = caught.seat;
  const since = Date.now();
  const ended = system.processes.terminate(name, EXIT_WITHIN_MS).then((how) => ({ how, exitMs: Date.now() - since }));
  const handOverMs = await takeover(system, caught, since);
  const { how, exitMs } = await ended;
  await system.restart(name);
  return {
    seen: true,
    handOverMs,
    exitMs,
    ...(how === 'exit code 0' ? {} : { broken: `a worker told to stop ended by ${how}` }),
  };
}

async function takeover({ claims }: ChaosSystem, { target, pid }: Caught, since: number): Promise<number | null> {
  const next = await claims.nextByAnother(target.id, { pid, since, withinMs: TAKEOVER_WITHIN_MS });
  return next === null ? null : next.at - since;
}

export const KILLED_AFTER_CLAIM = atPoint('kill -9 after claim', 'after claim', kill);
const KILLED_AFTER_INTENTS = atPoint('kill -9 after intents', 'after intents', kill);
export const KILLED_LATE_CALL = atPoint('kill -9, its RunTask arrives later', 'after intents', killAndDeliverLate);
const KILLED_DURING_CALL = atPoint('kill -9 during RunTask', 'during RunTask', kill);
export const KILLED_BEFORE_OUTCOMES = atPoint('kill -9 before outcomes', 'before outcomes', kill);
export const FROZEN_DURING_CALL = atPoint('SIGSTOP during RunTask', 'during RunTask', freeze);
const FROZEN_BEFORE_OUTCOMES = atPoint('SIGSTOP before outcomes', 'before outcomes', freeze);
export const TERMINATED_DURING_CALL = atPoint('SIGTERM during RunTask', 'during RunTask', terminate);

export const PROCESS_FAULTS: readonly Fault[] = [
  KILLED_AFTER_CLAIM,
  KILLED_AFTER_INTENTS,
  KILLED_LATE_CALL,
  KILLED_DURING_CALL,
  KILLED_BEFORE_OUTCOMES,
  FROZEN_DURING_CALL,
  FROZEN_BEFORE_OUTCOMES,
  TERMINATED_DURING_CALL,
];
