/**
 * Named points of a turn, found from outside: a proxy or the simulator holds the one request that marks the point, and
 * says whose it was. The product knows nothing of it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaunchId, InstanceArn } from '../../src/domain/ids.ts';
import type { TcpProxy, Trap } from '../../test/support/tcp-proxy.ts';
import type { ChaosSystem, Peer, Seat } from '../system.ts';
import type { Target } from '../target.ts';
import { SEEN_WITHIN_MS, type Scene } from './fault.ts';

export type Point =
  /** The fence is taken, the promise is on its way to etcd. */
  | 'after claim'
  /** The promise is in etcd, RunTask is on its way to ECS. */
  | 'after intents'
  /** ECS has started the tasks, its answer is on its way. */
  | 'during RunTask'
  /** The answer is known, its record is on the way to etcd. */
  | 'before outcomes';

/** A worker that stands at a point of the target's turn. */
export interface Caught {
  readonly seat: Seat;
  readonly pid: number;
  readonly target: Target;
  /** Hands on what is held, however late. */
  readonly release: () => void;
}

/** A call that another fault hit as well may never be answered. */
const ANSWERED_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 5;

/** Deploys a fresh environment and catches the worker that takes its first turn. Null: nobody came by. */
export async function catchAt(point: Point, { system, world }: Scene): Promise<Caught | null> {
  const target = await world.target();
  const [peer, text] = markOf(point, target, system);
  const caught = trapAll(system, peer, text, point === 'during RunTask' ? 'deafen' : 'hold');
  await target.deploy();
  const at = await caught.first;
  if (at === null) return null;
  if (point === 'during RunTask') await answered(at.seat.links.ecs);
  return { seat: at.seat, pid: system.processes.pid(at.seat.name), target, release: () => at.trap.release() };
}

/** Until ECS's answer has been swallowed. */
async function answered({ dropped }: TcpProxy): Promise<void> {
  const [before, deadline] = [dropped.toClient, performance.now() + ANSWERED_WITHIN_MS];
  while (dropped.toClient === before && performance.now() < deadline) await delay(LOOK_EVERY_MS);
}

/** The text by which a request at the point is known, and to whom it goes. */
export function markOf(point: Point, { id, name }: Target, { store: { keys } }: ChaosSystem): [Peer, string] {
  switch (point) {
    case 'after claim':
      return ['etcd', keys.launch(id, '' as LaunchId)];
    case 'after intents':
    case 'during RunTask':
      return ['ecs', `"daemon:${name}"`];
    case 'before outcomes':
      return ['etcd', keys.slot(id, '' as InstanceArn)];
  }
}

interface Sprung {
  readonly seat: Seat;
  readonly trap: Trap;
}

/** Traps on the same link of every worker; the first that springs disarms the others. */
export function trapAll(
  { seats }: ChaosSystem,
  peer: Peer,
  text: string,
  how: 'hold' | 'deafen',
): { readonly first: Promise<Sprung | null> } {
  const traps = seats.map((seat) => ({ seat, trap: seat.links[peer].trap(text, how) }));
  const first = new Promise<Sprung | null>((resolve) => {
    const end = (sprung: Sprung | null): void => {
      clearTimeout(late);
      for (const { trap } of traps) trap.disarm();
      resolve(sprung);
    };
    const late = setTimeout(() => end(null), SEEN_WITHIN_MS);
    for (const one of traps) one.trap.onSpring = () => end(one);
  });
  return { first };
}
