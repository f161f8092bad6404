/**
 * The connection to etcd, with etcd3's defaults replaced where they are dangerous:
 *
 * E1. No write is sent twice. etcd3 repeats any failed call up to three times, so that a create whose reply was lost reads as "exists".
 * E2. Every call has a deadline. etcd3 has none: a frozen etcd hangs the caller.
 * E3. A mistake of ours (a bad or too large request) speaks against no endpoint. etcd3's breaker would then fail every call for 5 s.
 * E4. A dead connection is noticed by keepalive, and after a failed call the next one connects anew.
 */
import type { Duplex } from 'node:stream';
import {
  ClientClosedError,
  Etcd3,
  EtcdLeaseInvalidError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCResourceExhastedError,
  GRPCUnavailableError,
  type IOptions,
  type IRangeRequest,
  type IRangeResponse,
  type ITxnRequest,
  type ITxnResponse,
} from 'etcd3';
import { breaker, EndpointAvoidedError, noPolicy } from './etcd-breaker.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError } from './store.ts';

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port`, one for each member; all of one scheme. */
  readonly endpoints: readonly string[];
  /** Deadline of one call. An etcd in good health answers in milliseconds; one that elects a leader in about a second. */
  readonly callTimeoutMs?: number;
  /** In milliseconds since the epoch. */
  readonly now?: () => number;
  /** In [0, 1), for jitter. */
  readonly random?: () => number;
}

export interface EtcdClient {
  /** Repeated a few times while etcd is unavailable. Throws StoreUnavailableError, CompactedError. */
  range(request: IRangeRequest): Promise<IRangeResponse>;
  /** A transaction of nothing but ranges; as `range`. */
  read(request: ITxnRequest): Promise<ITxnResponse>;
  /** Sent once. Throws StoreUnavailableError when it surely did not land, StoreOutcomeUnknownError when it may have, LeaseGoneError. */
  write(request: ITxnRequest): Promise<ITxnResponse>;
  /** Id of a new lease that nobody keeps alive. Throws StoreUnavailableError. */
  grantLease(ttlSeconds: number): Promise<string>;
  watch(): Promise<WatchStream>;
  close(): void;
}

/** A stream on a connection of its own: a new stream is of use only if it does not lie on the connection of the one that died. */
interface WatchStream {
  /** Of watch requests and responses, not connected yet; its errors are the caller's. */
  readonly stream: Duplex;
  close(): void;
}

/** The revision asked for is no longer there. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
}

/** A put named a lease that is gone; nothing of its transaction landed. */
export class LeaseGoneError extends Error {
  override readonly name = 'LeaseGoneError';
}

const CALL_TIMEOUT_MS = 1_500;
/** Attempts of a read in all, and the first wait between them; it doubles, less up to half for jitter. */
const READ_ATTEMPTS = 3;
const READ_BACKOFF_MS = 60;
/** With several endpoints, one that failed this often in a row is left out for a while; another answers meanwhile. */
const AVOID_AFTER_FAILURES = 3;
const AVOID_MS = 1_000;

const CHANNEL_OPTIONS = {
  // etcd refuses pings that come more often than every 5 s ("too many pings"), so 5 s itself is too close.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  // A page of 1,000 launches of 4 kB is more than gRPC's default of 4 MB.
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  // gRPC's own default backs off up to two minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // Hidden retries, though only of calls the server refused to look at.
  'grpc.enable_retries': 0,
  // Otherwise a client made after a failure takes the old connection out of a pool, dead or not.
  'grpc.use_local_subchannel_pool': 1,
};

export function connectEtcd({
  endpoints,
  callTimeoutMs = CALL_TIMEOUT_MS,
  now = Date.now,
  random = Math.random,
}: EtcdOptions): EtcdClient {
  const options: IOptions = {
    hosts: [...endpoints],
    grpcOptions: CHANNEL_OPTIONS,
    // A function, because an object's deadline would be computed once and for all.
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: now() + callTimeoutMs }),
    faultHandling: {
      global: noPolicy,
      // With nowhere else to go, avoiding the only endpoint would just prolong an outage.
      host: () =>
        endpoints.length === 1
          ? noPolicy
          : breaker({ failures: AVOID_AFTER_FAILURES, avoidMs: AVOID_MS, isEndpointFault, now }),
    },
  };
  const client = new Etcd3(options);

  const reading = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (attempt === READ_ATTEMPTS || !(error instanceof GRPCUnavailableError)) throw readFailure(error, endpoints);
        await new Promise((resume) => {
          setTimeout(resume, READ_BACKOFF_MS * 2 ** (attempt - 1) * (1 - random() / 2));
        });
      }
    }
  };

  return {
    range: (request) => reading(() => client.kv.range(request)),
    read: (request) => reading(() => client.kv.txn(request)),
    write: (request) =>
      client.kv.txn(request).catch((error: unknown) => {
        throw writeFailure(error, endpoints);
      }),
    grantLease: async (ttlSeconds) => {
      const { ID } = await reading(() => client.leaseClient.leaseGrant({ TTL: ttlSeconds }));
      return ID;
    },
    watch: async () => {
      const own = new Etcd3(options);
      // grpc-js ends a call with `cancel`; `destroy` would leave it running.
      const stream = (await own.watchClient.watch()) as unknown as Duplex & { cancel(): void };
      return {
        stream,
        close() {
          stream.cancel();
          own.close();
        },
      };
    },
    close: () => client.close(),
  };
}

const isEndpointFault = (error: unknown): boolean =>
  error instanceof GRPCUnavailableError || error instanceof GRPCDeadlineExceededError;

/** What etcd answers to a request that it understood and will never take: our mistake, and nothing happened. */
const isOurMistake = (error: unknown): boolean =>
  error instanceof GRPCInvalidArgumentError ||
  error instanceof GRPCFailedPreconditionError ||
  error instanceof GRPCNotImplementedError ||
  isTooLarge(error);

/**
 * etcd's gRPC reads 2 MiB of a request: the 1.5 that etcd takes, and some room. Ours says almost the same of an answer that it
 * does not read, "Received message larger than max" without `grpc:`, and then the write has landed.
 */
const isTooLarge = (error: unknown): boolean =>
  error instanceof GRPCResourceExhastedError && error.message.includes('grpc: received message larger than max');

function readFailure(error: unknown, endpoints: readonly string[]): unknown {
  if (error instanceof GRPCOutOfRangeError) return new CompactedError(messageOf(error), { cause: error });
  return isOurMistake(error) ? error : unavailable(error, endpoints);
}

function writeFailure(error: unknown, endpoints: readonly string[]): unknown {
  if (error instanceof EtcdLeaseInvalidError) return new LeaseGoneError(messageOf(error), { cause: error });
  if (isOurMistake(error) || error instanceof GRPCOutOfRangeError) return error;
  return wasNotSent(error) || wasTurnedAway(error)
    ? unavailable(error, endpoints)
    : new StoreOutcomeUnknownError(`etcd at ${endpoints.join(', ')}: ${messageOf(error)}`, { cause: error });
}

/**
 * The call never left this process. grpc-js says so in words only; should it change them, an outcome becomes unknown
 * that is not, which costs a question to etcd and never an error.
 */
const wasNotSent = (error: unknown): boolean =>
  error instanceof EndpointAvoidedError ||
  error instanceof ClientClosedError ||
  (error instanceof GRPCUnavailableError && /No connection established|Name resolution failed/.test(error.message)) ||
  (error instanceof GRPCDeadlineExceededError && /Waiting for LB pick|waiting for name resolution/.test(error.message));

/** etcd answered, before it proposed the write to its members. */
const wasTurnedAway = (error: unknown): boolean =>
  /etcdserver: (too many requests|mvcc: database space exceeded|permission denied|invalid auth token|user name is empty|not capable)/.test(
    messageOf(error),
  );

const unavailable = (error: unknown, endpoints: readonly string[]): StoreUnavailableError =>
  new StoreUnavailableError(`etcd at ${endpoints.join(', ')}: ${messageOf(error)}`, { cause: error });

/** gRPC ends some of its messages with a heading and nothing under it. */
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*Resolution note:\s*$/, '');
