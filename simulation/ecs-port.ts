/** The gateway to ECS as a process has it: the real listing, the real outcomes and the real budget over the simulated way. */
import { after, as, type LaunchId } from '../src/domain/ids.ts';
import type { LaunchOutcome, Priority, StopOutcome } from '../src/domain/plan.ts';
import { WaitingBudget, type Budget, type TokenSource } from '../src/ecs/budget.ts';
import type { Clock } from '../src/ecs/clock.ts';
import { describeCapacities } from '../src/ecs/capacity.ts';
import { describeInstances, describeTasks } from '../src/ecs/describe.ts';
import { describeTaskDefinition, resolved } from '../src/ecs/task-definitions.ts';
import { EcsReadError, type EcsGateway } from '../src/ecs/gateway.ts';
import { launchOutcome, stopOutcome, type Ending, type LaunchAnswer } from '../src/ecs/outcomes.ts';
import { StoppedTasks } from '../src/ecs/stopped-tasks.ts';
import { surveyCluster } from '../src/ecs/survey.ts';
import { EcsClient, type Call, type EcsNetwork } from './ecs-network.ts';
import type { Process } from './process.ts';
import type { Turn } from './rollout-witness.ts';
import { POLICY } from './scale.ts';

/** Up to the last moment a call may leave at; two short spells in a row are longer. */
const SHORT_MS = { least: 200, most: POLICY.actWithinMs - 20 };

export type TurnGateway = Omit<EcsGateway, 'resolveCluster' | 'resolveTaskDefinition'>;

/** A turn goes on without a poll that gets no token within this time. */
const POLL_WITHIN_MS = 500;

/** A gateway for each turn, so that its calls are known for its own; what they share is the process's. */
export function ecsPort(process: Process, network: EcsNetwork, tokens: TokenSource): (turn: Turn) => TurnGateway {
  const client = new EcsClient(process, network);
  const stopped = new StoppedTasks();
  const budget: Budget = new WaitingBudget({ source: sometimesShort(tokens, network), clock: clockOf(process) });
  const bounds = (signal: AbortSignal) => ({ priority: 'repair', signal }) as const;

  async function change<Output>(priority: Priority, call: Call): Promise<Ending<Output>> {
    const taken = await budget.take('modify', priority, call);
    if (taken === 'taken') return await client.sendOnce<Output>(call);
    const fault = { code: taken, message: 'no budget' };
    return { kind: 'error', sent: false, error: { fault, status: null, attempts: 0, resourceIds: [] } };
  }

  return (turn) => ({
    async launch({ launch, replay, priority, notAfter }, signal): Promise<LaunchOutcome> {
      const call: Call = { turn, operation: launch.primitive, body: launch.request, notAfter, signal };
      return launchOutcome(await change<LaunchAnswer>(priority, call), { replay });
    },
    async stop({ cluster, task, reason, priority, notAfter }, signal): Promise<StopOutcome> {
      return stopOutcome(
        await change(priority, { turn, operation: 'StopTask', body: { cluster, task, reason }, notAfter, signal }),
      );
    },
    describeTasks: (cluster, tasks, signal) => describeTasks(client, cluster, tasks, bounds(signal)),
    async pollTasks(cluster, tasks, signal) {
      if (tasks.length === 0) return new Map();
      const notAfter = after(process.now(), POLL_WITHIN_MS);
      if ((await budget.take('read', 'rollout', { notAfter, signal })) !== 'taken') return new Map();
      try {
        return await describeTasks(client, cluster, tasks, { priority: 'rollout', signal });
      } catch (error) {
        if (error instanceof EcsReadError) return new Map();
        throw error;
      }
    },
    describeInstances: (cluster, instances, signal) => describeInstances(client, cluster, instances, bounds(signal)),
    survey: (cluster, adopt, signal) => surveyCluster({ client, cluster, adopt, stopped, signal }),
    capacities: (cluster, instances, signal) => describeCapacities(client, cluster, instances, bounds(signal)),
    taskDefinition: async (arn, signal) => resolved(await describeTaskDefinition(client, arn, bounds(signal))),
    taskDefinitionStatus: () => Promise.resolve('ACTIVE'),
  });
}

function sometimesShort(tokens: TokenSource, { faults }: EcsNetwork): TokenSource {
  return {
    ask: (bucket, ask) => {
      if (!faults.strikes('budget short')) return tokens.ask(bucket, ask);
      return Promise.resolve({
        granted: 0,
        waitMs: faults.chanceOf('budget short').extreme(SHORT_MS.least, SHORT_MS.most),
      });
    },
    cut: (bucket) => tokens.cut(bucket),
  };
}

const clockOf = (process: Process): Clock => ({
  now: process.now,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      process.after(ms, 'waits for the budget', resolve);
    }),
});

/** Launch ids in a row; each run has its own. */
export const minting = (): (() => LaunchId) => {
  let minted = 0;
  return () => as<LaunchId>(`launch-${(minted += 1)}`);
};
