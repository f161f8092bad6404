/** What the ledger must show of the rollouts: that of a good version, which was paused, and that of a bad one. */
import type { LedgerReport, LedgerTask } from '../../sim/model/ledger.ts';
import { coveredHosts, tasksOf, type Evidence } from './verdict.ts';

export interface RolloutTerms {
  /** Hosts that a version is tried on first. */
  readonly canary: number;
  /** Hosts that may be without a ready task at a time because the scheduler stopped theirs. */
  readonly maxUnavailable: number;
  /** How long a task must be RUNNING to be ready. */
  readonly readyMs: number;
  /** From the wish to stop a task, or its own exit, to STOPPED. */
  readonly stopMs: number;
}

/** What was kept while the rollouts were told. */
export interface Rollouts {
  /** ARNs of task definitions. */
  readonly good: string;
  readonly bad: string;
  /** The ledger when the pause had taken hold, and before the rollout was resumed. */
  readonly paused: { readonly from: LedgerReport; readonly to: LedgerReport };
  /** The ledger before the bad version was deployed. */
  readonly beforeBad: LedgerReport;
}

type Seen = Pick<Evidence, 'group' | 'ledger' | 'hosts'>;

/** A sentence for each thing that is not as it must be: none means proven. */
export function rolloutFaultsOf(seen: Seen, rollouts: Rollouts, terms: RolloutTerms): readonly string[] {
  const { good, bad, paused, beforeBad } = rollouts;
  const { canary, maxUnavailable } = terms;
  const most = mostVacant(seen, terms);
  const hasty = hastyVacancies(seen, terms);
  const taken = takenAway(seen.group, paused.from, paused.to);
  const tries = triesOf(seen, bad);
  const moved = movedSince(beforeBad, seen).size;
  const others = [...coveredHosts(seen).values()].filter((task) => task.taskDefinitionArn !== good).length;

  const checks: readonly (readonly [boolean, string])[] = [
    [most > 0, 'no task was replaced'],
    [most <= maxUnavailable, `${most} hosts at once were without a ready task, where ${maxUnavailable} may be`],
    [hasty === 0, `${hasty} tasks were stopped before the canary of ${canary} was ready`],
    [taken === 0, `${taken} tasks were stopped while the rollout was paused`],
    [tries > 0, 'the bad version was never tried'],
    [moved <= canary, `${moved} hosts lost their task to the bad version, where ${canary} may`],
    [others === 0, `${others} hosts do not run the good version`],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}

/** The greatest number of hosts that were at one time without a ready task because the scheduler had stopped theirs. */
export function mostVacant(seen: Seen, terms: RolloutTerms): number {
  const vacancies = vacanciesOf(seen, terms);
  const vacantAt = (at: number): number =>
    new Set(vacancies.filter(({ from, to }) => from <= at && at < to).map(({ host }) => host)).size;
  return Math.max(0, ...vacancies.map(({ from }) => vacantAt(from)));
}

/** Tasks that wanted to run at first, and were stopped by a call in between. */
export function takenAway(group: string, from: LedgerReport, to: LedgerReport): number {
  const ran = new Set(
    tasksOf({ group, ledger: from })
      .filter(wantsToRun)
      .map((task) => task.taskArn),
  );
  return tasksOf({ group, ledger: to }).filter((task) => ran.has(task.taskArn) && isStoppedByCall(task)).length;
}

/** Hosts whose running task is not the one they had. */
export function movedSince(
  before: LedgerReport,
  { group, ledger }: Pick<Seen, 'group' | 'ledger'>,
): ReadonlySet<string> {
  const now = coveredHosts({ group, ledger });
  const had = [...coveredHosts({ group, ledger: before }).values()];
  const gone = had.filter(({ containerInstanceArn: host, taskArn }) => now.get(host)?.taskArn !== taskArn);
  return new Set(gone.map((task) => task.containerInstanceArn));
}

/** How many tasks of a task definition were started. */
export const triesOf = (seen: Pick<Seen, 'group' | 'ledger'>, taskDefinition: string): number =>
  tasksOf(seen).filter((task) => task.taskDefinitionArn === taskDefinition).length;

/** A host without a ready task: from the wish to stop the one it had until another one is ready. */
interface Vacancy {
  readonly host: string;
  readonly from: number;
  readonly to: number;
}

/** In order of time. Any task that was RUNNING counts, ready or not; but hosts that drain lose theirs for good. */
function vacanciesOf(seen: Seen, terms: RolloutTerms): readonly Vacancy[] {
  const active = new Set(seen.hosts.filter((one) => one.status === 'ACTIVE').map((one) => one.containerInstanceArn));
  const tasks = tasksOf(seen).filter((task) => active.has(task.containerInstanceArn));
  const vacancies = tasks.filter(isStoppedByCall).flatMap((task) => {
    if (task.startedAt === null) return [];
    const { containerInstanceArn: host } = task;
    const from = endOf(task, terms);
    const later = tasks.filter((one) => one.containerInstanceArn === host && one.createdAt >= from);
    return [{ host, from, to: Math.min(...later.map((one) => readyAt(one, terms))) }];
  });
  return vacancies.toSorted((a, b) => a.from - b.from);
}

/** Stops for the first rollout that did not wait for its canaries. */
function hastyVacancies(seen: Seen, terms: RolloutTerms): number {
  const vacancies = vacanciesOf(seen, terms);
  const tried = Math.max(0, ...vacancies.slice(0, terms.canary).map((vacancy) => vacancy.to));
  return vacancies.slice(terms.canary).filter((vacancy) => vacancy.from < tried).length;
}

/** When the task became ready; never, if it ended before. */
function readyAt(task: LedgerTask, terms: RolloutTerms): number {
  const ready = task.startedAt === null ? Infinity : task.startedAt + terms.readyMs;
  return ready <= endOf(task, terms) ? ready : Infinity;
}

/** When its end began. One that is on its way out has no such instant yet; the verdict is sound once nothing is. */
const endOf = ({ stoppedAt }: LedgerTask, { stopMs }: RolloutTerms): number =>
  stoppedAt === null ? Infinity : stoppedAt - stopMs;

const wantsToRun = (task: LedgerTask): boolean => task.desiredStatus === 'RUNNING';
const isStoppedByCall = (task: LedgerTask): boolean => task.stopCode === 'UserInitiated';
