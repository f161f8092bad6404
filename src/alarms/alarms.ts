/** The port to alarms: whether something outside tells that a rollout does harm. */
import type { AlarmState } from '../domain/facts.ts';
import type { Fault } from '../domain/plan.ts';

export interface AlarmSource {
  /**
   * The state of each name, seconds old at most. Asking is cheap, so that every turn may.
   * Throws AlarmsUnavailableError, also when the signal aborts, and nothing else.
   */
  states(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, AlarmState>>;
}

/** The alarms could not be read; nothing was learned. */
export class AlarmsUnavailableError extends Error {
  override readonly name = 'AlarmsUnavailableError';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(`${fault.code}: ${fault.message}`);
    this.fault = fault;
  }
}
