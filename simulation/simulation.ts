/** One run: a seed and a mix in, what happened out. First things go wrong; then they stop, and it must come to rest. */
import type { Rollback } from '../src/domain/plan.ts';
import { as, type EnvironmentId, type EnvironmentName, type TaskDefinitionArn } from '../src/domain/ids.ts';
import { ECS_LIMITS } from '../src/ecs/buckets.ts';
import { LocalTokens } from '../src/ecs/local-tokens.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import { EcsModel, type LiveTask } from '../sim/model/model.ts';
import { Chance } from './chance.ts';
import { remaining, type Remaining } from './convergence.ts';
import { defineTasks } from './definitions.ts';
import { BY_SECOND_KINDS, Faults, isClusterEvent, isOfRollouts, type BySecond, type FaultKind } from './faults.ts';
import type { Violation } from './invariants.ts';
import { Witness } from './witness.ts';
import { MIXES } from './mixes.ts';
import { People } from './people.ts';
import { EPOCH } from './process.ts';
import { Redis } from './redis.ts';
import { RolloutPeople } from './rollout-people.ts';
import {
  CONVERGE_WITHIN_MS,
  INACTIVE_RETENTION_MS,
  POLICY,
  REPLACED_WITHIN_MS,
  REST_MS,
  ROUGH_MS,
  STEPS_LEAST,
  STOPPED_RETENTION_MS,
  TOKEN_LIFE_MS,
} from './scale.ts';
import { clusterArn, Scheduler } from './scheduler.ts';
import { Timeline } from './timeline.ts';
import { Cluster, CLUSTER } from './world.ts';

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';
const AWAY_MS = { least: 200, most: 2_500 };
const LOOK_EVERY_MS = 500;
const HOSTS = { least: 2, most: 4 };
const HOSTS_MOST = 5;
/** Three environments, and some things to put right in each; more is a circle. */
const MENDINGS_MOST = 30;
/** Three environments and a cluster: a sweep, a survey or two, and polls of a second or more. */
const ACTIVATIONS_AT_REST_MOST = 30;

export interface RunOptions {
  readonly seed: number;
  readonly mix: string;
  readonly without?: readonly FaultKind[];
  readonly trace?: (line: string) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly mix: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly launches: number;
  readonly tasks: number;
  readonly convergedAfterMs: number | null;
  readonly violation: Violation | null;
  readonly faults: ReadonlyMap<string, number>;
  readonly reached: ReadonlyMap<string, number>;
}

export async function simulate({ seed, mix: mixName, without = [], trace }: RunOptions): Promise<RunResult> {
  const mix = MIXES[mixName];
  if (mix === undefined) throw new RangeError(`no mix ${mixName}`);
  const chance = new Chance(seed, 'run');
  const timeline = new Timeline(chance.fork('ties'));
  const faults = new Faults({ chance: chance.fork('faults'), rates: mix.rates, without });
  const shape = chance.fork('shape');
  const model = new EcsModel({
    seed: shape.bits(),
    region: REGION,
    account: ACCOUNT,
    throttling: false,
    distinctInstance: mix.distinctInstance ?? 'off',
    taskStartMs: shape.int(100, 900),
    taskStopMs: shape.int(100, 2_500),
    stoppedRetentionMs: STOPPED_RETENTION_MS,
    inactiveRetentionMs: INACTIVE_RETENTION_MS,
    tokenLifeAfterLastTaskMs: TOKEN_LIFE_MS.afterLastTask,
    tokenLifeMostMs: TOKEN_LIFE_MS.most,
  });
  const cluster = new Cluster({
    model,
    timeline,
    faults,
    chance: chance.fork('cluster'),
    hostsMost: mix.hosts?.most ?? HOSTS_MOST,
  });
  const witness = new Witness({ model, cluster, timeline });
  if (trace !== undefined) witness.tell = (line) => trace(`${String(timeline.now).padStart(6)}   ${line}`);
  const clusterName = clusterArn(ACCOUNT, REGION, CLUSTER);
  const memory = new MemoryStore();
  const redis = new Redis();
  const local = new LocalTokens({
    limits: ECS_LIMITS,
    clock: { now: () => as(EPOCH + timeline.now), sleep: () => Promise.resolve() },
  });
  const onRollback = (environment: EnvironmentId, { deployment }: Rollback): void => {
    const world = memory.peek(environment);
    if (world === null) return;
    people.environmentOf.set(deployment.id, environment);
    witness.specWritten(world);
    for (const progress of world.progress.values()) witness.rollouts.progressWritten(progress);
    witness.rollouts.rolledBack(world, deployment);
  };
  const store = { memory, timeline, faults, chance: chance.fork('store'), witness, onRollback, awayUntil: 0 };
  const scheduler = new Scheduler({
    around: { timeline, faults, chance: chance.fork('processes') },
    store,
    redis: { redis, timeline, faults, chance: chance.fork('redis') },
    ecs: { model, timeline, faults, chance: chance.fork('ecs'), witness, horizons: new Map() },
    tokens: {
      ask: async (bucket, ask) => {
        const grant = await local.ask(bucket, ask);
        if (bucket === 'modify') witness.paidCalls += grant.granted;
        return grant;
      },
      cut: (bucket) => local.cut(bucket),
    },
    cluster: clusterName,
    policy: { ...POLICY, primitive: mix.primitive ?? 'RunTask' },
    skewsMs: skews(shape),
  });
  cluster.join(shape.int((mix.hosts ?? HOSTS).least, (mix.hosts ?? HOSTS).most));
  const definitions = defineTasks(model, definitionArn);
  const people = new People({
    memory,
    timeline,
    chance: chance.fork('people'),
    witness,
    cluster: clusterName,
    definitions,
    onCreated: (environment) => scheduler.open(environment),
    wake: (environment) => scheduler.wake(environment),
  });
  const rolloutPeople = new RolloutPeople({
    memory,
    people,
    cluster,
    chance: chance.fork('rollouts'),
    witness,
    definitions,
  });
  const names = Array.from({ length: shape.pick([1, 1, 2, 2, 3]) ?? 1 }, (_, n) => as<EnvironmentName>(`env-${n + 1}`));
  for (const name of names) {
    timeline.after(shape.int(0, 2_000), `create ${name}`, () => void people.create(name));
  }

  const happen = async (kind: BySecond): Promise<boolean> => {
    const kindChance = faults.chanceOf(kind);
    const until = timeline.now + kindChance.int(AWAY_MS.least, AWAY_MS.most);
    const name = kindChance.pick(names) ?? as<EnvironmentName>('env-1');
    if (isClusterEvent(kind)) return cluster.happen(kind);
    if (isOfRollouts(kind)) return await rolloutPeople.happen(kind, name);
    switch (kind) {
      case 'store away':
        store.awayUntil = until;
        return true;
      case 'Redis away':
        redis.awayUntil = until;
        scheduler.queue.awayUntil = until;
        return true;
      case 'Redis emptied':
        scheduler.empty();
        return true;
      case 'facts stale':
        return redis.failOver();
      case 'survey doubled':
        scheduler.surveyBeside();
        return true;
      case 'deployment':
        return (await memory.read(name)) === null ? await people.create(name) : await people.deploy(name);
      case 'deletion':
        return await people.remove(name, 'stop');
      case 'deletion, tasks kept':
        return await people.remove(name, 'keep');
    }
  };
  const recur = (kind: BySecond): void => {
    const ms = faults.nextIn(kind);
    if (ms === null) return;
    timeline.after(ms, kind, () => {
      if (faults.ended) return;
      void happen(kind).then((happened) => happened && faults.note(kind));
      recur(kind);
    });
  };
  for (const kind of BY_SECOND_KINDS) recur(kind);

  const { least, most } = mix.roughMs ?? ROUGH_MS;
  const roughUntil = shape.int(least, most);
  let calmAt: number | null = null;
  let settledAt = 0;
  let mended = 0;
  let convergedAt: number | null = null;
  let callsWhenConverged = 0;
  let activationsWhenConverged = 0;

  const mayStay = ({ taskArn, startedBy }: LiveTask): boolean => {
    const owner = witness.recordedBy(taskArn) ?? people.environmentOf.get(startedBy ?? '');
    return owner !== undefined && people.deleted.get(owner) === 'keep';
  };
  /** Nothing is still to come, and the scheduler has seen how things are. */
  const lookAround = async (): Promise<Remaining | null> => {
    if (people.pending + cluster.pending > 0) return { invariant: 'N12', detail: 'something is still to come' };
    const watched = (await memory.inventory()).specs.length > 0;
    const listedAt = (redis.about(clusterName)?.startedAt ?? 0) - EPOCH - POLICY.clockSkewMs;
    for (const name of names) {
      if (!(await rolloutPeople.settle(name))) continue;
      mended += 1;
      if (mended <= MENDINGS_MOST) settledAt = timeline.now;
      return { invariant: 'N12', detail: `people mended ${name} just now` };
    }
    if (watched && listedAt <= (calmAt ?? 0)) return { invariant: 'N12', detail: 'no listing since' };
    return await remaining({ memory, cluster, names, mayStay });
  };
  /** A rollout may still begin, and be taken back. */
  const patience = (): number => CONVERGE_WITHIN_MS + 2 * REPLACED_WITHIN_MS * cluster.hosts().length;
  const look = (): void => {
    timeline.after(LOOK_EVERY_MS, 'look', () => {
      void lookAround().then((undone) => {
        if (convergedAt === null && undone === null) {
          convergedAt = timeline.now;
          callsWhenConverged = witness.changeCalls;
          activationsWhenConverged = scheduler.queue.activations;
        } else if (undone !== null && timeline.now - Math.max(calmAt ?? 0, settledAt) > patience()) {
          witness.violate(undone.invariant, undone.detail);
        }
        look();
      });
    });
  };
  const calm = (): void => {
    calmAt = timeline.now;
    faults.end();
    scheduler.thaw();
    store.awayUntil = 0;
    redis.awayUntil = 0;
    scheduler.queue.awayUntil = 0;
    cluster.calm();
    look();
  };

  await timeline.run(({ at, what }) => {
    trace?.(`${String(at).padStart(6)} ${what}`);
    model.advance(EPOCH + at);
    witness.afterStep();
    if (witness.violation !== null) return true;
    if (calmAt === null && at >= roughUntil && timeline.steps >= STEPS_LEAST) calm();
    if (convergedAt !== null && witness.changeCalls > callsWhenConverged) {
      witness.violate('N15', `${witness.changeCalls - callsWhenConverged} calls after all was well`);
    }
    if (scheduler.queue.activations - activationsWhenConverged > ACTIVATIONS_AT_REST_MOST && convergedAt !== null) {
      witness.violate('N15', 'actors wake themselves again and again');
    }
    return convergedAt !== null && at - convergedAt > REST_MS;
  });

  return {
    seed,
    mix: mixName,
    steps: timeline.steps,
    virtualMs: timeline.now,
    launches: witness.launchCalls,
    tasks: witness.tasksStarted,
    convergedAfterMs: convergedAt === null || calmAt === null ? null : convergedAt - calmAt,
    violation: witness.violation,
    faults: faults.counts,
    reached: witness.reached,
  };
}

/** Clocks of three workers: each within the bound of the others and of the true time. */
function skews(chance: Chance): readonly number[] {
  const least = -chance.extreme(0, POLICY.clockSkewMs);
  return Array.from({ length: 3 }, () => least + chance.extreme(0, POLICY.clockSkewMs));
}

const definitionArn = (revision: number): TaskDefinitionArn =>
  as<TaskDefinitionArn>(`arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/daemon:${revision}`);
