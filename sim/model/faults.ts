/** A way in which the way to ECS, or ECS itself, misbehaves. */
export type FaultKind =
  /** The call is carried out, then the connection breaks. */
  | { readonly kind: 'drop-reply-after-commit' }
  /** The call is carried out, then the reply breaks off in its middle. */
  | { readonly kind: 'truncate-reply-after-commit' }
  /** The call waits before or after it is carried out. */
  | { readonly kind: 'delay'; readonly ms: number; readonly when: FaultMoment }
  /** A ServerException: without the call carried out, or in spite of it. */
  | { readonly kind: 'error-500'; readonly when: FaultMoment }
  | { readonly kind: 'throttle' }
  /** This call sees no task that is younger than `ms`. */
  | { readonly kind: 'list-lag'; readonly ms: number }
  /** There is no reply, and the connection stays open. */
  | { readonly kind: 'hang'; readonly when: FaultMoment };

export type FaultMoment = 'before-commit' | 'after-commit';

export interface FaultRequest {
  /** An operation, or `*` for all. */
  readonly operation: string;
  /** How many calls it hits; null until it is cleared. */
  readonly times: number | null;
  readonly fault: FaultKind;
}

export interface ArmedFault extends FaultRequest {
  readonly id: number;
  readonly fired: number;
}

/** The faults that wait for their calls. One call meets at most one: the oldest that fits. */
export class FaultPlan {
  #armed: ArmedFault[] = [];
  #added = 0;

  add(request: FaultRequest): ArmedFault {
    this.#added += 1;
    const armed = { ...request, id: this.#added, fired: 0 };
    this.#armed.push(armed);
    return armed;
  }

  /** The fault that the next call of this operation meets. It counts as fired. */
  take(operation: string): FaultKind | null {
    const index = this.#armed.findIndex(
      (armed) =>
        (armed.operation === operation || armed.operation === '*') &&
        (armed.times === null || armed.fired < armed.times),
    );
    const armed = this.#armed[index];
    if (armed === undefined) return null;
    this.#armed[index] = { ...armed, fired: armed.fired + 1 };
    return armed.fault;
  }

  /** All since the last `clear`, spent ones included. */
  list(): readonly ArmedFault[] {
    return [...this.#armed];
  }

  clear(): void {
    this.#armed = [];
  }
}
