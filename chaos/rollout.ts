/** A large rollout that loses Redis's data twice: in its middle, and in the middle of a survey. */
import { setTimeout as delay } from 'node:timers/promises';
import { FLUSHED } from './faults/servers.ts';
import { SEEN_WITHIN_MS, type Happened, type Scene } from './faults/fault.ts';

export interface RolloutOptions {
  /** A cluster of its own. */
  readonly cluster: string;
  readonly hosts: number;
}

export interface RolloutResult {
  /** Tasks launched when Redis was emptied the first time. */
  readonly launchedAtFlush: number;
  readonly flushes: readonly Happened[];
  readonly completed: boolean;
  /** Of ECS's ledger: must be as many as there are hosts. */
  readonly launches: number;
  readonly ms: number;
}

/** ECS takes its time with each call, and 50 are under way at once: after one round of them the rollout is half done for as long again. */
const CALL_MS = 1_000;
const COMPLETED_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 25;

export async function emptiedRollout(scene: Scene, { cluster, hosts }: RolloutOptions): Promise<RolloutResult> {
  const { system } = scene;
  const { ecs, api } = system;
  await ecs.addHosts(cluster, hosts);
  const began = performance.now();
  const group = `daemon:${cluster}`;
  const launched = async (): Promise<number> =>
    (await ecs.ledger()).tasks.filter((task) => task.group === group).length;

  const environment = await api.create({ name: cluster, cluster });
  await eventually(async () => ((await api.environment(cluster)).hosts?.eligible ?? 0) === hosts);
  await ecs.arm({
    operation: 'RunTask',
    kind: 'delay',
    ms: CALL_MS,
    when: 'before-commit',
    times: Math.ceil(hosts / 10),
  });
  await api.deploy(environment);
  await eventually(async () => (await launched()) >= hosts * 0.3);
  const launchedAtFlush = await launched();
  const flushes = [await FLUSHED.inject(scene)];

  const survey = await ecs.arm({
    operation: 'DescribeContainerInstances',
    kind: 'delay',
    ms: CALL_MS,
    when: 'before-commit',
    times: 1,
  });
  await eventually(async () => (await ecs.hits(survey)) > 0);
  flushes.push(await FLUSHED.inject(scene));

  const done = async (): Promise<boolean> =>
    (await api.deployments(cluster)).every(({ status }) => status === 'completed');
  const completed = await eventually(done, COMPLETED_WITHIN_MS);
  const launches = await launched();
  const ms = performance.now() - began;
  await ecs.clear();
  // Kept: to stop them would take all of ECS's rate for half a minute, and what comes next needs some.
  await api.remove(cluster, 'keep');
  return { launchedAtFlush, flushes, completed, launches, ms };
}

/** What was promised and not kept. */
export function faultsOf(
  { launchedAtFlush, flushes, completed, launches }: RolloutResult,
  hosts: number,
): readonly string[] {
  const share = launchedAtFlush / hosts;
  return [
    ...(share >= 0.3 && share <= 0.7 ? [] : [`the rollout was emptied at ${launchedAtFlush} of ${hosts} launches`]),
    ...(flushes.every(({ seen }) => seen) ? [] : ['Redis was not emptied']),
    ...(completed ? [] : ['the emptied rollout did not complete']),
    ...(launches === hosts ? [] : [`${launches} launches for ${hosts} hosts`]),
  ];
}

async function eventually(holds: () => Promise<boolean>, withinMs = SEEN_WITHIN_MS): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}
