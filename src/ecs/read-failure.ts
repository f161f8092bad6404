import { EcsReadError } from './gateway.ts';
import { isRefusal, isThrottle } from './outcomes.ts';
import { wireError } from './wire-errors.ts';
import type { WireError } from './wire-errors.ts';

/** A read that ended in an error of the SDK or the network. */
export class ReadFailure extends EcsReadError {
  private readonly error: WireError;

  constructor(cause: unknown) {
    const error = wireError(cause);
    super(error.fault);
    this.error = error;
  }

  /** ECS knows no such thing as was asked for. It has no error of its own for that: these are what it is known to say. */
  get notFound(): boolean {
    return isRefusal(this.error) && NOT_FOUND.has(this.fault.code);
  }

  get throttled(): boolean {
    return isThrottle(this.error);
  }

  /** No answer in time, ours or the SDK's. */
  get timedOut(): boolean {
    return this.error.status === null && TIMEOUTS.has(this.fault.code);
  }
}

const NOT_FOUND = new Set([
  'ClientException',
  'InvalidParameterException',
  'ClusterNotFoundException',
  'ResourceNotFoundException',
]);
const TIMEOUTS = new Set(['Aborted', 'RequestTimeout', 'TimeoutError', 'ETIMEDOUT']);
