/** The second act: versions change on hosts that run. A good one, paused half-way, and a bad one that takes itself back. */
import type { LedgerTask } from '../../sim/model/ledger.ts';
import type { DeploymentWire } from '../../src/api/schemas.ts';
import { TASK_STOP_MS } from './cast.ts';
import type { HostWithHistoryWire } from './clients.ts';
import { mostVacant, movedSince, takenAway, type Rollouts, type RolloutTerms } from './rollout-verdict.ts';
import { ENVIRONMENT, FAMILY, GROUP, type Stage } from './stage.ts';
import { coveredHosts } from './verdict.ts';

/** A wave for each availability zone. */
const ZONE = 'ecs.availability-zone';
/** Long enough to tell the good from the bad. */
const READY_SECONDS = 1;
/** The bad version runs, and then it does not. */
const BAD_EXITS_AFTER_MS = 300;
/** Entries of a host's history that are shown: a failed attempt and what was done about it. */
const HISTORY_SHOWN = 5;
/** A UUID, an id as ECS makes them, or that of a revision; its beginning tells enough. */
const LONG_ID = /\b([0-9a-f]{8})[0-9a-f-]{8,28}\b/g;

/** Each of three zones has eight hosts or more, of which three may be canaries: there is always more than one round in it. */
export const TERMS: RolloutTerms = {
  canary: 3,
  maxUnavailable: 4,
  readyMs: READY_SECONDS * 1_000,
  stopMs: TASK_STOP_MS,
};
/** What joins and dies while the rollout is paused. */
export const HOSTS_JOINING_PAUSED = 1;
export const TASKS_DYING_PAUSED = 1;
const HOSTS_SERVED = HOSTS_JOINING_PAUSED + TASKS_DYING_PAUSED;

export interface RolloutsTold extends Rollouts {
  /** Id of the deployment that holds in the end. */
  readonly deployment: string;
}

/** `worker` is the one that is left. */
export async function tellRollouts(stage: Stage, worker: string): Promise<RolloutsTold> {
  const { good, deployment } = await startWithCanary(stage, worker);
  const paused = await pause(stage, worker, deployment, good);
  await resume(stage, worker, deployment, good);
  return { good, paused, ...(await rollBack(stage, worker, good)) };
}

async function startWithCanary({ api, ecs, step }: Stage, worker: string) {
  return await step(`a new version, on ${TERMS.canary} hosts first`, worker, async (wait) => {
    const good = await ecs.registerTaskDefinition(FAMILY, {});
    const environment = await api.update(await api.environment(ENVIRONMENT), {
      taskDefinition: good,
      deploymentConfiguration: {
        maxUnavailable: TERMS.maxUnavailable,
        minReadySeconds: READY_SECONDS,
        waves: [{ canary: TERMS.canary }, { by: ZONE }],
      },
    });
    const { id } = await api.deploy(environment);
    const { waves } = await wait(async () => {
      const [{ state, waves }, { updated, desired }] = await Promise.all([
        api.deployment(ENVIRONMENT, id),
        api.status(ENVIRONMENT),
      ]);
      const detail = `deployment ${state}, ${updated} of ${desired} hosts updated`;
      return { done: waves[0]?.state === 'done', detail, waves };
    });
    return {
      detail: `${short(good)} is ready there, the next wave opens`,
      notes: [waves.map(({ name, state }) => `${zoneOf(name)} ${state}`).join(', ')],
      value: { good, deployment: id },
    };
  });
}

async function pause({ api, ecs, step }: Stage, worker: string, id: string, good: string): Promise<Rollouts['paused']> {
  const look = async () => {
    const [ledger, status] = await Promise.all([ecs.ledger(), api.status(ENVIRONMENT)]);
    return { ledger, status, covered: coveredHosts({ group: GROUP, ledger }) };
  };
  return await step('paused: a host joins, a task dies', worker, async (wait) => {
    await api.order(ENVIRONMENT, id, 'pause');
    const { waves } = await wait(async () => {
      const { state, waves } = await api.deployment(ENVIRONMENT, id);
      return { done: state === 'paused', detail: `deployment ${state}`, waves };
    });
    // From the moment in which it is paused: what was stopped before is still replaced, and nothing else is.
    const [from, hosts] = await Promise.all([look(), ecs.hosts()]);
    const outdatedIn = (zone: string): LedgerTask | undefined =>
      hosts
        .filter((host) => host.attributes[ZONE] === zone)
        .flatMap((host) => from.covered.get(host.containerInstanceArn) ?? [])
        .find((task) => task.taskDefinitionArn !== good);
    const closed = zoneThatIs('closed', waves);
    const [waiting, dead] = [outdatedIn(zoneThatIs('open', waves)), outdatedIn(closed)];
    if (waiting === undefined || dead === undefined) throw new Error('the pause came too late');

    const before = await wait(async () => {
      const seen = await look();
      const { ready, desired } = seen.status;
      return { done: ready === desired, detail: `${ready} of ${desired} hosts ready`, ...seen };
    });
    await ecs.endTask(dead.taskArn);
    await ecs.addHosts(HOSTS_JOINING_PAUSED, { [ZONE]: closed });
    const to = await wait(async () => {
      const seen = await look();
      const had = new Set([...before.covered.values()].map((task) => task.taskArn));
      const served = [...seen.covered.values()].filter((task) => !had.has(task.taskArn));
      const done = served.length === HOSTS_SERVED && seen.status.ready === seen.covered.size;
      return { done, detail: `${served.length} of ${HOSTS_SERVED} hosts served`, served, ...seen };
    });
    // Where the wave is closed, what was completed last is what comes.
    const old = dead.taskDefinitionArn;
    if (to.served.some((task) => task.taskDefinitionArn !== old)) throw new Error(`not both got ${short(old)}`);
    const host = await api.host(ENVIRONMENT, waiting.containerInstanceArn);
    return {
      detail: `${takenAway(GROUP, from.ledger, to.ledger)} replaced; both hosts got ${short(old)}`,
      notes: [
        `status: ${to.status.ready} of ${to.status.desired} hosts ready, ${to.status.updated} updated`,
        `host ${idOf(host.instance)} in wave ${zoneOf(host.wave ?? '')}: ${host.state}; ${host.explanation}`,
      ],
      value: { from: from.ledger, to: to.ledger },
    };
  });
}

async function resume({ api, ecs, step }: Stage, worker: string, id: string, good: string): Promise<void> {
  await step('resumed', worker, async (wait) => {
    await api.order(ENVIRONMENT, id, 'resume');
    await wait(async () => {
      const [{ state }, { updated, desired }] = await Promise.all([
        api.deployment(ENVIRONMENT, id),
        api.status(ENVIRONMENT),
      ]);
      const detail = `deployment ${state}, ${updated} of ${desired} hosts updated`;
      return { done: state === 'completed' && updated === desired, detail };
    });
    const [ledger, hosts] = await Promise.all([ecs.ledger(), ecs.hosts()]);
    const most = mostVacant({ group: GROUP, ledger, hosts }, TERMS);
    return { detail: `all run ${short(good)}; at most ${most} at once were not ready`, value: null };
  });
}

async function rollBack({ api, ecs, step }: Stage, worker: string, good: string) {
  return await step('a bad version takes itself back', worker, async (wait) => {
    const beforeBad = await ecs.ledger();
    const hosts = coveredHosts({ group: GROUP, ledger: beforeBad }).size;
    const bad = await ecs.registerTaskDefinition(FAMILY, { SIM_EXIT_AFTER_MS: String(BAD_EXITS_AFTER_MS) });
    const { id } = await api.deploy(await api.update(await api.environment(ENVIRONMENT), { taskDefinition: bad }));
    const { rollback, moved } = await wait(async () => {
      const [{ targetDeployment = id }, ledger] = await Promise.all([api.environment(ENVIRONMENT), ecs.ledger()]);
      const rollback = await api.deployment(ENVIRONMENT, targetDeployment);
      const covered = coveredHosts({ group: GROUP, ledger });
      const done = rollback.rollsBack === id && rollback.state === 'completed' && covered.size === hosts;
      const detail = `deployment of ${short(rollback.taskDefinition)} ${rollback.state}, ${covered.size} of ${hosts} hosts covered`;
      return { done, detail, rollback, moved: movedSince(beforeBad, { group: GROUP, ledger }) };
    });
    const [canary] = moved;
    if (canary === undefined) throw new Error('it was rolled back, but no host has another task than before');
    const [{ state, reason }, { history }] = await Promise.all([
      api.deployment(ENVIRONMENT, id),
      api.host(ENVIRONMENT, canary),
    ]);
    if (state !== 'failed') throw new Error(`it was rolled back, but its deployment is ${state}`);
    return {
      detail: `back to ${short(good)}; ${hosts - moved.size} of ${hosts} hosts never moved`,
      notes: [
        `deployment of ${short(bad)} ${state}: ${reason}`,
        `host ${idOf(canary)}, its last ${HISTORY_SHOWN} decisions:`,
        ...history.slice(0, HISTORY_SHOWN).toReversed().map(decision),
      ],
      value: { bad, beforeBad, deployment: rollback.id },
    };
  });
}

/** The last zone whose wave is so. */
function zoneThatIs(wanted: 'open' | 'closed', waves: DeploymentWire['waves']): string {
  const wave = waves.findLast(({ name, state }) => state === wanted && name !== zoneOf(name));
  if (wave === undefined) throw new Error(`no zone's wave is ${wanted}`);
  return zoneOf(wave.name);
}

/** The zone of a wave; the whole name, if it is another wave. */
const zoneOf = (wave: string): string => (wave.startsWith(`${ZONE}=`) ? wave.slice(ZONE.length + 1) : wave);

/** An entry of a host's history in a line: time of day, what was seen, what was done, what came of it. */
function decision({ at, saw, did, outcome }: HostWithHistoryWire['history'][number]): string {
  const came = outcome === undefined ? '' : ` (${outcome})`;
  return `${at.slice('2000-01-01T'.length, -1)} ${saw} -> ${did}${came}`.replaceAll(LONG_ID, '$1');
}

const short = (taskDefinition: string): string => taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1);
const idOf = (arn: string): string => short(arn).replace(LONG_ID, '$1');
