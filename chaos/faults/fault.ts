/** What a fault is. It counts only when it was seen to happen, and heals before it says so. */
import type { Dice } from '../dice.ts';
import type { ChaosSystem } from '../system.ts';
import type { World } from '../world.ts';

export interface Fault {
  readonly kind: string;
  readonly inject: (scene: Scene) => Promise<Happened>;
}

export interface Scene {
  readonly system: ChaosSystem;
  readonly dice: Dice;
  readonly world: World;
}

export interface Happened {
  /** The process died, the proxy kept bytes, the simulator says a call was hit. */
  readonly seen: boolean;
  /** From the death of a turn's holder to the environment's next turn in another process; null: none came. */
  readonly takeoverMs?: number | null;
  /** From SIGTERM to the environment's next turn in another process. */
  readonly handOverMs?: number | null;
  /** From SIGTERM to the end of the process. */
  readonly exitMs?: number;
  /** How long a read without etcd took to be refused. */
  readonly refusalMs?: number;
  /** How long a read without Redis took. */
  readonly readMs?: number;
  /** What was promised and not kept. */
  readonly broken?: string;
}

export const NOT_SEEN: Happened = { seen: false };

/** Longest a fault waits to be hit. */
export const SEEN_WITHIN_MS = 12_000;
