/** A system to be hurt, for the tests of one file, and what they do with it. */
import { afterAll, beforeAll, expect } from 'vitest';
import { Dice } from '../../chaos/dice.ts';
import type { Fault, Happened, Scene } from '../../chaos/faults/fault.ts';
import { ChaosSystem } from '../../chaos/system.ts';
import { World } from '../../chaos/world.ts';

const CONVERGE_WITHIN_MS = 40_000;

export interface Stage extends Scene {
  /** Plays a fault, sees that it happened, that nothing promised was broken, and that everything comes right. */
  play(fault: Fault): Promise<Happened>;
  /** Everything as it should be, or what is not. */
  settled(): Promise<void>;
}

interface StageOptions {
  readonly workers: number;
  readonly hosts: number;
  readonly seed: number;
}

/** To be called at the top of a test file: its system runs from before the first test to after the last. */
export function useStage(options: StageOptions): Stage {
  let system: ChaosSystem | null = null;
  let world: World | null = null;
  const dice = new Dice(options.seed);
  beforeAll(async () => {
    system = await ChaosSystem.start(options);
    world = new World(system, dice);
    await world.look();
  }, 90_000);
  afterAll(async () => {
    if (system === null) return;
    try {
      expect(system.died.reason).toBeUndefined();
      expect((await system.ecs.ledger()).maxLivePerHostAndGroup).toBe(1);
    } finally {
      await system.close();
    }
  }, 30_000);
  const started = <T>(part: T | null): T => {
    if (part === null) throw new Error('the system has not started');
    return part;
  };
  return {
    dice,
    get system() {
      return started(system);
    },
    get world() {
      return started(world);
    },
    async play(fault) {
      const happened = await fault.inject(this);
      expect(happened).toMatchObject({ seen: true });
      expect(happened.broken).toBeUndefined();
      await this.settled();
      return happened;
    },
    async settled() {
      expect(await this.world.converge(CONVERGE_WITHIN_MS)).toEqual([]);
      await this.world.retire();
    },
  };
}
