/** The story: what the demo does to the cluster, and what must come of it. */
import { readFile } from 'node:fs/promises';
import { WORKERS, type WorkerName } from './cast.ts';
import { HOSTS_JOINING_PAUSED, TASKS_DYING_PAUSED, tellRollouts, TERMS, type RolloutsTold } from './rollout-story.ts';
import { mostVacant, movedSince, rolloutFaultsOf, triesOf } from './rollout-verdict.ts';
import { ENVIRONMENT, FAMILY, GROUP, type Stage } from './stage.ts';
import { turnsIn } from './turns.ts';
import { coveredHosts, faultsOf, mostLiveAtOnce, tasksOf, type Evidence } from './verdict.ts';
import type { Seen } from '../local/waiting.ts';

export const HOSTS_AT_FIRST = 20;
const HOSTS_JOINING = 5;
const HOSTS_JOINING_LATER = 2;
/** Before the second act. */
const TASKS_DYING = 1;

/** Resolves with the proof, in a sentence; rejects when a step failed. */
export async function tellStory(stage: Stage): Promise<string> {
  const deployment = await coverAll(stage);
  await coverJoining(stage, deployment);
  const hosts = (await stage.ecs.hosts()).map((host) => host.containerInstanceArn);
  await replaceDead(stage, hosts[0] ?? '');
  await leaveDraining(stage, hosts[HOSTS_AT_FIRST - 1] ?? '');
  const worker = await surviveKill(stage, deployment);
  return await prove(stage, await tellRollouts(stage, worker));
}

async function coverAll(stage: Stage): Promise<string> {
  const { api, step } = stage;
  return await step('an environment is created and deployed', 'worker-1', async (wait) => {
    const environment = await api.create(ENVIRONMENT, FAMILY);
    const { id } = await api.deploy(environment);
    const seen = await wait(() => coverage(stage, id, HOSTS_AT_FIRST));
    return { detail: seen.detail, value: id };
  });
}

async function coverJoining(stage: Stage, deployment: string): Promise<void> {
  const { ecs, step } = stage;
  await step(`${HOSTS_JOINING} hosts join`, 'worker-1', async (wait) => {
    await ecs.addHosts(HOSTS_JOINING);
    const seen = await wait(() => coverage(stage, deployment, HOSTS_AT_FIRST + HOSTS_JOINING));
    return { detail: seen.detail, value: null };
  });
}

async function replaceDead({ ecs, step }: Stage, host: string): Promise<void> {
  await step('a task dies', 'worker-1', async (wait) => {
    const runningOn = async () => coveredHosts({ group: GROUP, ledger: await ecs.ledger() }).get(host);
    const dead = await runningOn();
    if (dead === undefined) throw new Error(`${host} has no running task`);
    await ecs.endTask(dead.taskArn);
    await wait(async () => {
      const task = await runningOn();
      const replaced = task !== undefined && task.taskArn !== dead.taskArn;
      return { done: replaced, detail: replaced ? 'replaced' : 'its host has no running task' };
    });
    return { detail: `replaced on the same host, ${dead.ec2InstanceId}`, value: null };
  });
}

async function leaveDraining({ api, ecs, step }: Stage, host: string): Promise<void> {
  await step('a host is set to DRAINING', 'worker-1', async (wait) => {
    await ecs.drain(host);
    const seen = await wait(async () => {
      const [ledger, environment] = await Promise.all([ecs.ledger(), api.environment(ENVIRONMENT)]);
      const task = tasksOf({ group: GROUP, ledger }).findLast((task) => task.containerInstanceArn === host);
      const stopped = task?.lastStatus === 'STOPPED';
      const detail = stopped ? `its task was stopped: "${task.stoppedReason}"` : `its task is ${task?.lastStatus}`;
      return { done: stopped && environment.hosts?.draining === 1, detail };
    });
    return { detail: seen.detail, value: null };
  });
}

/** Resolves with the worker that is left. */
async function surviveKill(stage: Stage, deployment: string): Promise<WorkerName> {
  const { ecs, processes, step } = stage;
  const turnsOf = async (name: WorkerName) => turnsIn(await readFile(processes.logFile(name), 'utf8'));
  const lastTurn = async (name: WorkerName) => (await turnsOf(name)).at(-1)?.at ?? 0;
  const [first, second] = WORKERS;
  const [killed, survivor] = (await lastTurn(first)) > (await lastTurn(second)) ? [first, second] : [second, first];

  return await step('a worker is killed (-9), hosts join', survivor, async (wait) => {
    await processes.kill(killed);
    const killedAt = Date.now();
    await ecs.addHosts(HOSTS_JOINING_LATER);
    await wait(() => coverage(stage, deployment, HOSTS_AT_FIRST + HOSTS_JOINING + HOSTS_JOINING_LATER - 1));
    const launches = (await turnsOf(survivor))
      .filter((turn) => turn.at >= killedAt)
      .reduce((sum, turn) => sum + turn.launches, 0);
    if (launches === 0) throw new Error(`the hosts were covered, but not by ${survivor}`);
    return { detail: `${killed} had done the work; ${survivor} covered them`, value: survivor };
  });
}

async function prove({ api, ecs, step }: Stage, rollouts: RolloutsTold): Promise<string> {
  const hostsEver = HOSTS_AT_FIRST + HOSTS_JOINING + HOSTS_JOINING_LATER + HOSTS_JOINING_PAUSED;
  const draining = 1;
  return await step('the ledger is read', 'simulator', async (wait) => {
    const evidence = async (): Promise<Evidence> => {
      const [ledger, hosts, environment, deployment] = await Promise.all([
        ecs.ledger(),
        ecs.hosts(),
        api.environment(ENVIRONMENT),
        api.deployment(ENVIRONMENT, rollouts.deployment),
      ]);
      return { group: GROUP, ledger, hosts, environment, deployment };
    };
    const { found, moved, tries } = await wait(async () => {
      const found = await evidence();
      const moved = movedSince(rollouts.beforeBad, found).size;
      const tries = triesOf(found, rollouts.bad);
      // One for each host, in the place of each that died, of the good version, of the bad one, and where that was tried.
      const tasksStarted = hostsEver + TASKS_DYING + TASKS_DYING_PAUSED + (hostsEver - draining) + tries + moved;
      const faults = [
        ...faultsOf(found, { hostsEver, draining, tasksStarted }),
        ...rolloutFaultsOf(found, rollouts, TERMS),
      ];
      return { done: faults.length === 0, detail: faults.join('; '), found, moved, tries };
    });
    const { environment } = found;
    return {
      detail: `${environment.health}, ${environment.hosts?.running} of ${environment.hosts?.eligible} hosts running`,
      value:
        `no host ever had more than ${mostLiveAtOnce(found)} live task of the environment (${hostsEver} hosts, ` +
        `${tasksOf(found).length} tasks started); an update never left more than ${mostVacant(found, TERMS)} hosts at once ` +
        `without a ready task, where ${TERMS.maxUnavailable} were allowed, and stopped none while it was paused; ` +
        `a bad version was tried ${tries} times on ${moved} hosts, and no other host lost its task to it: ` +
        `by the simulator's own ledger, with ECS's distinctInstance switched off`,
    };
  });
}

/** Whether `target` hosts have their task by the ledger, and the API says so too. */
async function coverage({ api, ecs }: Stage, id: string, target: number): Promise<Seen> {
  const [ledger, environment, deployment] = await Promise.all([
    ecs.ledger(),
    api.environment(ENVIRONMENT),
    api.deployment(ENVIRONMENT, id),
  ]);
  const covered = coveredHosts({ group: GROUP, ledger }).size;
  const { eligible, running } = environment.hosts ?? { eligible: 0, running: 0 };
  return {
    done: covered === target && eligible === target && running === target && deployment.status === 'completed',
    detail: `${covered} of ${target} hosts covered, deployment ${deployment.status}`,
  };
}
