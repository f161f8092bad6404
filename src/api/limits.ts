/** Every bound of the API in one place. */
export interface ApiLimits {
  /** Longest request body in bytes; a longer one is 413. */
  readonly bodyBytes: number;
  /** A request gets an answer within this, in milliseconds, whatever else hangs. */
  readonly requestTimeoutMs: number;
  /** How long ECS may take to resolve names, in milliseconds; then 504. */
  readonly ecsDeadlineMs: number;
  /** How long a read waits for the read model to be current, in milliseconds; then 503. */
  readonly storeDeadlineMs: number;
  /** Environments on a page of a list. */
  readonly pageSize: number;
  /** Reads and compare-and-sets of one change before the caller is asked to try again. */
  readonly changeAttempts: number;
  /** What `Retry-After` says, in seconds. */
  readonly retryAfterS: number;
}

export const API_LIMITS: ApiLimits = {
  // The longest has a name, two ARNs, some dozens of short ids and a query of hosts: 1 MiB is room for far more.
  bodyBytes: 1024 * 1024,
  // More than ecsDeadlineMs, the store's own deadlines and a retry together, so that those speak first: they know more.
  requestTimeoutMs: 20_000,
  // The SDK retries reads within this; ECS answers in about 150 ms.
  ecsDeadlineMs: 5_000,
  // Four questions at worst, one after the other, each of as long as etcd usually takes to elect a new leader.
  storeDeadlineMs: 6_000,
  // ECS's own lists have pages of 100.
  pageSize: 100,
  // Only people and the actor's status write near a spec, so a second attempt is rare and a fifth is unheard of.
  changeAttempts: 5,
  retryAfterS: 1,
};
