import { setTimeout as delay } from 'node:timers/promises';

/** What one look found, in words, and whether it is what was waited for. */
export interface Seen {
  readonly done: boolean;
  readonly detail: string;
}

/** Short, so that the times of the table mean something. */
const LOOK_EVERY_MS = 50;

/** Looks until what it sees is done. Rejects with what it saw last when the time is up, and with the signal's reason. */
export async function waitUntil<T extends Seen>(
  look: () => Promise<T>,
  options: { readonly withinMs: number; readonly signal: AbortSignal; readonly say?: (detail: string) => void },
): Promise<T> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    const seen = await look();
    options.signal.throwIfAborted();
    options.say?.(seen.detail);
    if (seen.done) return seen;
    if (performance.now() > deadline) throw new Error(`after ${options.withinMs / 1_000} s still: ${seen.detail}`);
    await delay(LOOK_EVERY_MS, null, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}
