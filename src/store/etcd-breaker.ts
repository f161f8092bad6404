import type { IOptions } from 'etcd3';

type HostPolicy = ReturnType<NonNullable<NonNullable<IOptions['faultHandling']>['host']>>;

/** A call that was not sent: its endpoint is being avoided. */
export class EndpointAvoidedError extends Error {
  override readonly name = 'EndpointAvoidedError';
}

export interface BreakerOptions {
  /** Failures in a row after which an endpoint is avoided. */
  readonly failures: number;
  /** For how long. The first call after that tries it again. */
  readonly avoidMs: number;
  /** Whether an error speaks against the endpoint, and not against what we asked of it. */
  readonly isEndpointFault: (error: unknown) => boolean;
  readonly now: () => number;
}

/** For etcd3's `faultHandling.host`: lets etcd3 go on to its next endpoint while this one does not answer. */
export function breaker({ failures, avoidMs, isEndpointFault, now }: BreakerOptions): HostPolicy {
  let inARow = 0;
  let avoidUntil = -Infinity;
  return hostPolicy(async (call) => {
    if (now() < avoidUntil) throw new EndpointAvoidedError('the etcd endpoint did not answer lately');
    try {
      const answer = await call();
      inARow = 0;
      return answer;
    } catch (error) {
      inARow = isEndpointFault(error) ? inARow + 1 : 0;
      if (inARow >= failures) avoidUntil = now() + avoidMs;
      throw error;
    }
  });
}

/** Sends every call once, whatever happened before. */
export const noPolicy: HostPolicy = hostPolicy(async (call) => await call());

function hostPolicy(execute: <T>(call: () => PromiseLike<T> | T) => Promise<T>): HostPolicy {
  const { signal } = new AbortController();
  const noEvents = () => ({ dispose() {} });
  return {
    _altReturn: undefined as never,
    onSuccess: noEvents,
    onFailure: noEvents,
    execute: (call) => execute(() => call({ signal })),
  };
}
