import { setTimeout as delay } from 'node:timers/promises';
import { Interrupted } from './interrupt.ts';
import type { Processes } from '../local/processes.ts';
import type { Screen } from './screen.ts';
import type { Step } from './stage.ts';
import type { Row } from './table.ts';
import { waitUntil } from '../local/waiting.ts';

/** Most steps take a second or three, taking over from a dead worker up to eight, the better part of a rollout fifteen. */
const STEP_WITHIN_MS = 45_000;
const DEATH_TOLD_WITHIN_MS = 200;

class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** Runs steps, shows them, keeps their rows. A step also ends when the signal says so. */
export function stepsOn(
  screen: Screen,
  signal: AbortSignal,
  processes: Pick<Processes, 'logFile'>,
): { readonly step: Step; readonly rows: readonly Row[] } {
  const rows: Row[] = [];
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  // Between two steps nobody listens, and the next one looks at the signal itself.
  aborted.catch(() => {});

  const step: Step = async (what, lookAt, act) => {
    signal.throwIfAborted();
    const began = performance.now();
    const say = (detail: string): void => screen.progress(what, detail);
    say('');
    try {
      const acting = act((look) => waitUntil(look, { withinMs: STEP_WITHIN_MS, signal, say }));
      const { detail, notes = [], value } = await Promise.race([acting, aborted]);
      const tookMs = performance.now() - began;
      rows.push({ what, tookMs, detail });
      screen.done(what, detail, tookMs);
      for (const note of notes) screen.note(note);
      return value;
    } catch (error) {
      // A process that died explains the answer that did not come; its death may be told a moment later.
      await Promise.race([aborted.catch(() => {}), delay(DEATH_TOLD_WITHIN_MS)]);
      if (signal.reason instanceof Interrupted) throw signal.reason;
      screen.failed(what);
      const reason = signal.aborted
        ? messageOf(signal.reason)
        : `${messageOf(error)}; look at ${processes.logFile(lookAt)}`;
      throw new StepFailed(`"${what}": ${reason}`, { cause: error });
    }
  };
  return { step, rows };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
