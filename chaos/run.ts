/**
 * npm run chaos: breaks a real installation on this machine for minutes, and says what came of it. Exit code 0 only if
 * every promise was kept.
 */
import { randomInt } from 'node:crypto';
import { Bag, Dice } from './dice.ts';
import { ECS_FAULTS } from './faults/ecs.ts';
import type { Fault, Scene } from './faults/fault.ts';
import { NETWORK_FAULTS } from './faults/network.ts';
import { PROCESS_FAULTS } from './faults/processes.ts';
import { FLUSHED, SERVER_FAULTS } from './faults/servers.ts';
import { countLogs } from './logs.ts';
import { readOptions, type ChaosOptions } from './options.ts';
import { emptiedRollout, faultsOf } from './rollout.ts';
import { playRound, type Bags, type Lane } from './round.ts';
import { ChaosSystem } from './system.ts';
import { renderTable } from './table.ts';
import { Tally } from './tally.ts';
import { uncoveredHostSeconds } from './witness.ts';
import { World } from './world.ts';

const MINUTE_MS = 60_000;
const HOSTS = 24;
const ROLLOUT_HOSTS = 1_000;
const FAULTS: Readonly<Record<Lane, readonly Fault[]>> = {
  processes: PROCESS_FAULTS,
  network: NETWORK_FAULTS,
  servers: SERVER_FAULTS,
};
/** Workers' processes more often than the rest: they are what a takeover is measured by. */
const LANES: readonly Lane[] = ['processes', 'network', 'processes', 'servers'];
const SEEDS = 2 ** 32;

async function main(): Promise<number> {
  const read = readOptions(process.argv.slice(2), () => randomInt(SEEDS));
  if (read.kind !== 'options') {
    (read.kind === 'help' ? console.log : console.error)(read.text);
    return read.kind === 'help' ? 0 : 2;
  }
  const { options } = read;
  console.log(`chaos: ${options.minutes} minutes, ${options.workers} workers, --seed ${options.seed}`);
  const tally = new Tally();
  const system = await ChaosSystem.start({ workers: options.workers, hosts: HOSTS });
  const stop = (): void => process.exit(130);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.once('exit', () => {
    system.processes.killAll();
    system.place.remove('logs');
  });
  try {
    await perform(options, system, tally);
  } catch (error) {
    tally.broken.push(error instanceof Error ? error.message : String(error));
    for (const what of tally.broken) console.log(`  BROKEN: ${what}`);
  }
  const failed = tally.broken.length > 0;
  if (failed) console.log(`logs: ${system.place.logs}`);
  await system.close(failed ? 'logs' : undefined);
  return failed ? 1 : 0;
}

async function perform(
  { minutes, seed, workers, only }: ChaosOptions,
  system: ChaosSystem,
  tally: Tally,
): Promise<void> {
  const began = performance.now();
  const dice = new Dice(seed);
  const world = new World(system, dice);
  await world.look();
  const scene: Scene = { system, dice, world };
  const chosen = (lane: Lane): readonly Fault[] => FAULTS[lane].filter(({ kind }) => kind.includes(only));
  const lanes = LANES.filter((lane) => chosen(lane).length > 0);
  if (lanes.length === 0) throw new Error(`no fault is called ${only}`);
  const bags: Bags = {
    lanes: {
      processes: new Bag(chosen('processes'), dice),
      network: new Bag(chosen('network'), dice),
      servers: new Bag(chosen('servers'), dice),
    },
    ecs: new Bag(ECS_FAULTS, dice),
  };
  if (only === '') await playRollout(scene, tally);

  for (let n = 0; performance.now() - began < minutes * MINUTE_MS && tally.broken.length === 0; n += 1) {
    await playRound(lanes[n % lanes.length] ?? 'processes', bags, scene, tally);
    const round = tally.rounds.at(-1);
    if (round !== undefined) {
      const [all, calm] = [round.ms, round.calmMs].map((ms) => (ms / 1_000).toFixed(1).padStart(5));
      console.log(`${all} s, covered ${calm} s after the last: ${round.kinds.join(' | ')}`);
    }
  }

  const now = Date.now();
  const [ledger, logs] = [await system.ecs.ledger(), await countLogs(system.workerLogs)];
  const { hostLives, environmentLives } = world;
  if (logs.duplicates > 0) tally.broken.push(`${logs.duplicates} second tasks were stopped`);
  const lines = renderTable(tally, {
    seed,
    seconds: (performance.now() - began) / 1_000,
    workers,
    launches: ledger.tasks.length,
    tokenReplays: ledger.tokenReplays,
    maxLive: ledger.maxLivePerHostAndGroup,
    uncoveredHostSeconds: uncoveredHostSeconds(hostLives, environmentLives, ledger.tasks, now),
    wantedHostSeconds: uncoveredHostSeconds(hostLives, environmentLives, [], now),
    logs,
    events: world.events,
  });
  console.log(['', ...lines].join('\n'));
}

async function playRollout(scene: Scene, tally: Tally): Promise<void> {
  const rollout = await emptiedRollout(scene, { cluster: 'large', hosts: ROLLOUT_HOSTS });
  for (const flush of rollout.flushes) tally.add(`${FLUSHED.kind} in a rollout of ${ROLLOUT_HOSTS} hosts`, flush);
  tally.broken.push(...faultsOf(rollout, ROLLOUT_HOSTS));
  console.log(
    `rollout: emptied at ${rollout.launchedAtFlush} of ${ROLLOUT_HOSTS} launches and in a survey; ` +
      `${rollout.launches} launches, done after ${(rollout.ms / 1_000).toFixed(1)} s`,
  );
}

process.exitCode = await main();
