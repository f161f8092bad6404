/** The insight, by the planner: see `insight.ts`. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AlarmsUnavailableError, type AlarmSource } from '../alarms/alarms.ts';
import { bounded } from '../concurrency/bounded.ts';
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';
import { NO_LOOKS, type Facts, type Looks } from '../domain/facts.ts';
import type { EnvironmentName, InstanceArn, Instant, LaunchId, TaskDefinitionArn } from '../domain/ids.ts';
import type { Policy } from '../domain/policy.ts';
import { baseOf, targetOf, type EnvironmentRecord, type World } from '../domain/world.ts';
import { EcsReadError, type EcsGateway } from '../ecs/gateway.ts';
import type { Observation } from '../planner/observation.ts';
import { planEnvironment } from '../planner/plan.ts';
import { rolloutAfter } from '../planner/steering.ts';
import { FactsUnavailableError, type FactsStore } from '../store/facts-store.ts';
import type { EnvironmentStore, Inspection } from '../store/store.ts';
import { Foretelling } from './foretelling.ts';
import { foretold, type CallLimits } from './foretold.ts';
import { hostViews, statusView, type Seen } from './host-views.ts';
import { InsightUnavailableError, type Foretold, type Insight } from './insight.ts';

export interface InsightDeps {
  readonly store: Pick<EnvironmentStore, 'inspect' | 'history' | 'read'>;
  readonly facts: Pick<FactsStore, 'read'>;
  readonly ecs: Pick<EcsGateway, 'taskDefinitionStatus' | 'taskDefinition' | 'capacities'>;
  readonly alarms: AlarmSource;
  readonly policy: Policy;
  /** Of RunTask, StartTask and StopTask together, as we keep to them. */
  readonly callLimits: CallLimits;
  readonly now: () => Instant;
}

/** What ECS and CloudWatch are asked for people must come while they wait. */
const READ_DEADLINE_MS = 5_000;
/** A plan of thousands of hosts takes seconds; others are served in between. */
const YIELD_AFTER_MS = 20;
/** A play that takes longer ends there: whoever asked is about to be told that it took too long. */
const PLAY_MOST_MS = 10_000;
const UNKNOWN_HOSTS = 'the hosts of the cluster are not known yet: no survey came through, or Redis does not answer';

export function plannerInsight(deps: InsightDeps): Insight {
  return {
    async hosts(name) {
      const seen = await look(name, deps);
      return seen === null ? null : hostViews(seen);
    },
    async knows(name, host) {
      const inspection = await deps.store.inspect(name);
      if (inspection === null || inspection.world.spec.value.deletion !== null) return null;
      const facts = await factsOf(inspection, deps);
      return facts === null ? null : facts.instances.has(host) || inspection.world.slots.has(host);
    },
    async history(name, host) {
      const record = await deps.store.read(name);
      return record === null ? [] : await deps.store.history(record.spec.value.id, host);
    },
    async status(name) {
      const seen = await look(name, deps);
      if (seen === null) return null;
      const { facts, world } = seen.observation;
      if (facts === null && world.spec.value.target !== null) throw new InsightUnavailableError(UNKNOWN_HOSTS);
      return statusView(seen, deps.now());
    },
    async foretell(name, change) {
      return await foretell(name, change, deps);
    },
  };
}

/** The environment as an actor's turn would see it now, and what it would do. null: no such environment. */
async function look(name: EnvironmentName, deps: InsightDeps): Promise<Seen | null> {
  const inspection = await deps.store.inspect(name);
  if (inspection === null || inspection.world.spec.value.deletion !== null) return null;
  const { world } = inspection;
  const facts = await factsOf(inspection, deps);
  const bound = bounded(new AbortController().signal, READ_DEADLINE_MS);
  try {
    const looks = { ...NO_LOOKS, ...(await outsideOf(world, deps, bound.signal)) };
    const observation: Observation = { now: deps.now(), world, facts, looks };
    const plan = planEnvironment(observation, deps.policy, notMinted);
    return { observation, plan, rollout: rolloutAfter(observation, plan) };
  } finally {
    bound.release();
  }
}

/** As a turn takes them: none of another store, nor of a history that was set back since. */
async function factsOf({ world, storeId, revision }: Inspection, deps: InsightDeps): Promise<Facts | null> {
  try {
    const facts = await deps.facts.read(world.spec.value.cluster);
    return facts !== null && facts.storeId === storeId && facts.revision <= revision ? facts : null;
  } catch (error) {
    if (error instanceof FactsUnavailableError) return null;
    throw error;
  }
}

/** Definitions and alarms, as far as they answer: what does not is waited for, and the views say so. */
async function outsideOf(
  world: World,
  deps: InsightDeps,
  signal: AbortSignal,
): Promise<Pick<Looks, 'taskDefinitions' | 'alarms'>> {
  const taskDefinitions = new Map<TaskDefinitionArn, 'ACTIVE' | 'INACTIVE'>();
  const [alarms] = await Promise.all([
    alarmsOf(world, deps, signal),
    ...definitionsWanted(world).map(async (arn) => {
      const status = await tolerate(deps.ecs.taskDefinitionStatus(arn, signal), null);
      if (status !== null) taskDefinitions.set(arn, status);
    }),
  ]);
  return { taskDefinitions, alarms };
}

async function alarmsOf(world: World, deps: InsightDeps, signal: AbortSignal): Promise<Looks['alarms']> {
  const names = targetOf(world)?.revision.configuration.alarms ?? [];
  return names.length === 0 ? NO_LOOKS.alarms : await tolerate(deps.alarms.states(names, signal), NO_LOOKS.alarms);
}

/** Of what hosts are to have. */
const definitionsWanted = (world: World): readonly TaskDefinitionArn[] =>
  [targetOf(world), baseOf(world)].flatMap((one) => one?.revision.taskDefinition ?? []);

async function tolerate<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EcsReadError || error instanceof AlarmsUnavailableError) return otherwise;
    throw error;
  }
}

async function foretell(
  name: EnvironmentName,
  change: (record: EnvironmentRecord) => EnvironmentRecord | null,
  deps: InsightDeps,
): Promise<Foretold | null> {
  const inspection = await deps.store.inspect(name);
  if (inspection === null || inspection.world.spec.value.deletion !== null) return null;
  const facts = await factsOf(inspection, deps);
  if (facts === null) throw new InsightUnavailableError(UNKNOWN_HOSTS);
  const world: World = { ...inspection.world, ...change(inspection.world) };
  const bound = bounded(new AbortController().signal, READ_DEADLINE_MS);
  try {
    const [capacities, { needs, inactive }, alarms] = await Promise.all([
      capacitiesOf(world, facts, deps, bound.signal),
      definitionsOf(world, deps, bound.signal),
      alarmsOf(world, deps, bound.signal),
    ]);
    const premises = { world, facts, capacities, needs, inactive, alarms, policy: deps.policy, now: deps.now() };
    const play = new Foretelling(premises);
    const giveUpAt = performance.now() + PLAY_MOST_MS;
    let yieldAt = performance.now() + YIELD_AFTER_MS;
    while (play.step() && performance.now() < giveUpAt) {
      if (performance.now() < yieldAt) continue;
      await nextTurn();
      yieldAt = performance.now() + YIELD_AFTER_MS;
    }
    return foretold(play, { ...premises, callLimits: deps.callLimits });
  } catch (error) {
    if (error instanceof EcsReadError) throw new InsightUnavailableError(`ECS did not tell: ${error.message}`);
    throw error;
  } finally {
    bound.release();
  }
}

async function capacitiesOf(
  { spec }: World,
  facts: Facts,
  deps: InsightDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<InstanceArn, HostCapacity>> {
  const answers = await deps.ecs.capacities(spec.value.cluster, [...facts.instances.keys()], signal);
  const capacities = new Map<InstanceArn, HostCapacity>();
  for (const [arn, answer] of answers) if (answer !== 'MISSING') capacities.set(arn, answer);
  return capacities;
}

/** Of the deployments' tasks and of those that make room for them. */
async function definitionsOf(
  world: World,
  deps: InsightDeps,
  signal: AbortSignal,
): Promise<{
  readonly needs: ReadonlyMap<TaskDefinitionArn, TaskNeeds>;
  readonly inactive: ReadonlySet<TaskDefinitionArn>;
}> {
  const arns = new Set(definitionsWanted(world));
  for (const { value } of world.slots.values()) if (value.task !== null) arns.add(value.task.taskDefinition);
  const needs = new Map<TaskDefinitionArn, TaskNeeds>();
  const inactive = new Set<TaskDefinitionArn>();
  await Promise.all(
    [...arns].map(async (arn) => {
      const [definition, status] = await Promise.all([
        tolerate(deps.ecs.taskDefinition(arn, signal), null),
        tolerate(deps.ecs.taskDefinitionStatus(arn, signal), 'INACTIVE' as const),
      ]);
      if (definition !== null) needs.set(arn, definition.needs);
      if (status === 'INACTIVE') inactive.add(arn);
    }),
  );
  return { needs, inactive };
}

/** Nobody carries the plan out, so what it mints is nobody's. */
const notMinted = (): LaunchId => 'not minted' as LaunchId;
