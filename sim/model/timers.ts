/** Instants in the future, soonest first, and first come first served within one instant. */
export class TimerQueue<T> {
  readonly #heap: Timer<T>[] = [];
  #added = 0;

  add(at: number, item: T): void {
    this.#heap.push({ at, order: this.#added++, item });
    this.#rise(this.#heap.length - 1);
  }

  nextAt(): number | null {
    return this.#heap[0]?.at ?? null;
  }

  /** The first timer that is due at `now`, removed from the queue. */
  takeDue(now: number): { readonly at: number; readonly item: T } | null {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return null;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfLater(parent, index)) return;
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const child = this.#isLater(left, left + 1) ? left + 1 : left;
      if (!this.#swapIfLater(index, child)) return;
      index = child;
    }
  }

  #isLater(index: number, other: number): boolean {
    const a = this.#heap[index];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    return a.at > b.at || (a.at === b.at && a.order > b.order);
  }

  #swapIfLater(parent: number, child: number): boolean {
    const a = this.#heap[parent];
    const b = this.#heap[child];
    if (a === undefined || b === undefined || !this.#isLater(parent, child)) return false;
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }
}

interface Timer<T> {
  readonly at: number;
  readonly order: number;
  readonly item: T;
}
