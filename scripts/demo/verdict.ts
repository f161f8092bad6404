/**
 * What the ledger must show at the end. The ledger is the simulator's own: it imports nothing of the scheduler, counts a
 * task as live from its creation until it is STOPPED, and keeps every host it ever saw.
 */
import type { LedgerReport, LedgerTask } from '../../sim/model/ledger.ts';
import type { HostSummary } from '../../sim/model/model.ts';
import type { DeploymentWire, EnvironmentWire } from '../../src/api/schemas.ts';

export interface Evidence {
  /** The environment's tasks are those of this group. */
  readonly group: string;
  readonly ledger: LedgerReport;
  readonly hosts: readonly HostSummary[];
  readonly environment: EnvironmentWire;
  readonly deployment: DeploymentWire;
}

export interface Expected {
  readonly hostsEver: number;
  readonly draining: number;
  readonly tasksStarted: number;
}

/** A sentence for each thing that is not as it must be: none means proven. */
export function faultsOf(evidence: Evidence, expected: Expected): readonly string[] {
  const { environment, deployment } = evidence;
  const most = mostLiveAtOnce(evidence);
  const started = tasksOf(evidence).length;
  const active = evidence.hosts.filter((host) => host.status === 'ACTIVE');
  const covered = coveredHosts(evidence);
  const uncovered = active.filter((host) => !covered.has(host.containerInstanceArn)).length;
  const still = evidence.hosts.filter((host) => host.status === 'DRAINING' && hasLiveTask(evidence, host)).length;
  const eligible = expected.hostsEver - expected.draining;

  const checks: readonly (readonly [boolean, string])[] = [
    [most === 1, `a host had ${most} live tasks of the environment at once`],
    [started === expected.tasksStarted, `${started} tasks were started where the story needs ${expected.tasksStarted}`],
    [active.length === eligible, `${active.length} hosts are ACTIVE instead of ${eligible}`],
    [uncovered === 0, `${uncovered} ACTIVE hosts have no running task`],
    [still === 0, `${still} draining hosts still have a task`],
    [deployment.state === 'completed', `the deployment is ${deployment.state}`],
    [deployment.failedInstances.length === 0, `${deployment.failedInstances.length} instances failed`],
    [environment.health === 'healthy', `the environment is unhealthy: ${environment.reasons.join('; ')}`],
    [
      environment.hosts?.running === eligible,
      `the API counts ${environment.hosts?.running ?? 0} running tasks instead of ${eligible}`,
    ],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}

type Tasks = Pick<Evidence, 'group' | 'ledger'>;

/** The greatest number of the environment's tasks that ever lived on one host at one time. */
export const mostLiveAtOnce = ({ group, ledger }: Tasks): number =>
  Math.max(0, ...ledger.hostsAndGroups.filter((entry) => entry.group === group).map((entry) => entry.maxLive));

export const tasksOf = ({ group, ledger }: Tasks): readonly LedgerTask[] =>
  ledger.tasks.filter((task) => task.group === group);

/** Hosts with a task that reached RUNNING and is to go on, by container instance ARN. */
export const coveredHosts = (tasks: Tasks): ReadonlyMap<string, LedgerTask> =>
  new Map(
    tasksOf(tasks)
      .filter((task) => task.lastStatus === 'RUNNING' && task.desiredStatus === 'RUNNING')
      .map((task) => [task.containerInstanceArn, task]),
  );

const hasLiveTask = (tasks: Tasks, { containerInstanceArn }: HostSummary): boolean =>
  tasksOf(tasks).some((task) => task.containerInstanceArn === containerInstanceArn && task.lastStatus !== 'STOPPED');
