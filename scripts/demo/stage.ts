/** What the acts of the story share. */
import type { SchedulerApi, SimulatedEcs } from './clients.ts';
import type { Processes } from '../local/processes.ts';
import type { Seen } from '../local/waiting.ts';

export const ENVIRONMENT = 'demo';
export const GROUP = `daemon:${ENVIRONMENT}`;
/** The family of its task definitions; the simulator has revision 1 from the start. */
export const FAMILY = 'daemon';

/** Waits, showing progress, until what is looked at is done; fails the step at its deadline. */
type Wait = <T extends Seen>(look: () => Promise<T>) => Promise<T>;

/** What came of a step: a line for the table, and more lines to be shown below it. */
interface Outcome<T> {
  readonly detail: string;
  readonly notes?: readonly string[];
  readonly value: T;
}

/** Runs a step, shows it, and keeps its row for the table. `lookAt` is whose log explains a failure. */
export type Step = <T>(what: string, lookAt: string, act: (wait: Wait) => Promise<Outcome<T>>) => Promise<T>;

export interface Stage {
  readonly api: SchedulerApi;
  readonly ecs: SimulatedEcs;
  readonly processes: Pick<Processes, 'kill' | 'pid' | 'logFile'>;
  readonly step: Step;
}
