/** A round: faults of one lane and of ECS while the world goes on, then calm, and everything must come right. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bag } from './dice.ts';
import type { Fault, Scene } from './faults/fault.ts';
import type { Tally } from './tally.ts';

/** Unanswered launches are repeated after some 3 s with the settings of a run, refused ones after 1 to 4 s, wake-ups lost are made up for within 5 s; a loaded machine takes a few times that. */
const CONVERGE_WITHIN_MS = 45_000;
/** They cost no time of their own: the round waits for its other faults meanwhile. */
const ECS_FAULTS_A_ROUND = 5;
/** Between a server's fault and the next one: its clients come back within a second. */
const BREATH_MS = 1_000;

export type Lane = 'processes' | 'network' | 'servers';

export interface Bags {
  readonly lanes: Readonly<Record<Lane, Bag<Fault>>>;
  readonly ecs: Bag<Fault>;
}

/**
 * Faults of different lanes do not meet: a takeover is measured while what it needs is there. Faults of ECS meet every lane.
 * Process faults come one at a time, so that at least one worker is left to take over; the others come in twos.
 */
export async function playRound(lane: Lane, bags: Bags, scene: Scene, tally: Tally): Promise<void> {
  const { world, system } = scene;
  const began = performance.now();
  const inject = async (fault: Fault): Promise<void> => tally.add(fault.kind, await fault.inject(scene));
  const own = Array.from({ length: lane === 'processes' ? 1 : 2 }, () => bags.lanes[lane].next());
  const ecs = Array.from({ length: ECS_FAULTS_A_ROUND }, () => bags.ecs.next());
  const hurt = async (): Promise<void> => {
    for (const fault of own) {
      await inject(fault);
      if (lane === 'servers') await delay(BREATH_MS);
    }
  };
  const victim = await world.target();
  await Promise.all([hurt(), ...ecs.map(inject), victim.deploy(), world.churn()]);

  await system.ecs.clear();
  await world.calm();
  await Promise.all(system.seats.map(({ name }) => system.restart(name)));
  const calmAt = performance.now();
  const missing = await world.converge(CONVERGE_WITHIN_MS);
  const calmMs = performance.now() - calmAt;
  tally.convergedMs.push(calmMs);
  const round = own.map(({ kind }) => kind).join(', ');
  if (missing.length > 0)
    tally.lose(`not covered ${CONVERGE_WITHIN_MS / 1_000} s after ${round}: ${missing.join('; ')}`);
  const { maxLivePerHostAndGroup } = await system.ecs.ledger();
  if (maxLivePerHostAndGroup > 1) tally.broken.push(`two tasks on a host after ${round}`);
  await world.retire();
  tally.rounds.push({ lane, kinds: [...own, ...ecs].map(({ kind }) => kind), ms: performance.now() - began, calmMs });
}
