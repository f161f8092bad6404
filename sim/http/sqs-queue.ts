import { createHash, randomUUID } from 'node:crypto';

/** A standard queue of Amazon SQS: at least once, in no promised order. */
export class SqsQueue {
  readonly #messages = new Map<string, Message>();
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** The id of the new message. */
  send(body: string): { readonly id: string; readonly md5: string } {
    const id = randomUUID();
    const md5 = md5Of(body);
    this.#messages.set(id, { id, body, md5, sentAt: Date.now(), received: 0, visibleAt: 0 });
    this.#serve();
    return { id, md5 };
  }

  /** Waits until there is a message, for `waitMs` at most, or until the signal: then nothing is handed out any more. */
  receive(ask: {
    readonly most: number;
    readonly invisibleMs: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly Received[]> {
    const ready = this.#take(ask);
    if (ready.length > 0 || ask.waitMs === 0 || ask.signal.aborted) return Promise.resolve(ready);
    return new Promise((resolve) => {
      const end = (messages: readonly Received[]): void => {
        clearTimeout(timer);
        ask.signal.removeEventListener('abort', giveUp);
        this.#waiting.delete(waiting);
        resolve(messages);
      };
      const giveUp = (): void => end([]);
      const timer = setTimeout(giveUp, ask.waitMs);
      timer.unref();
      ask.signal.addEventListener('abort', giveUp);
      const waiting: Waiting = { ask, end };
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  /** False when the handle is none of this queue. A message that is gone counts as deleted. */
  delete(receipt: string): boolean {
    const id = idOf(receipt);
    if (id === null) return false;
    this.#messages.delete(id);
    return true;
  }

  changeVisibility(receipt: string, invisibleMs: number): boolean {
    const message = this.#messages.get(idOf(receipt) ?? '');
    if (message === undefined) return false;
    message.visibleAt = Date.now() + invisibleMs;
    this.#serve();
    return true;
  }

  counts(): { readonly visible: number; readonly inFlight: number } {
    const now = Date.now();
    let inFlight = 0;
    for (const message of this.#messages.values()) if (message.visibleAt > now) inFlight += 1;
    return { visible: this.#messages.size - inFlight, inFlight };
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting) waiting.end([]);
  }

  #serve(): void {
    for (const waiting of this.#waiting) {
      const messages = this.#take(waiting.ask);
      if (messages.length === 0) break;
      waiting.end(messages);
    }
    clearTimeout(this.#timer);
    if (this.#waiting.size === 0) return;
    let next = Infinity;
    for (const { visibleAt } of this.#messages.values()) next = Math.min(next, visibleAt);
    if (next === Infinity) return;
    this.#timer = setTimeout(() => this.#serve(), Math.max(1, next - Date.now()));
    this.#timer.unref();
  }

  #take({ most, invisibleMs }: Waiting['ask']): readonly Received[] {
    const now = Date.now();
    const taken: Received[] = [];
    for (const message of this.#messages.values()) {
      if (taken.length === most) break;
      if (message.visibleAt > now) continue;
      message.visibleAt = now + invisibleMs;
      message.received += 1;
      const { id, body, md5, sentAt, received } = message;
      taken.push({ id, body, md5, sentAt, received, receipt: `${id}#${received}` });
    }
    return taken;
  }
}

export interface Received {
  readonly id: string;
  readonly body: string;
  readonly md5: string;
  readonly sentAt: number;
  /** How often it was handed out, this time included. */
  readonly received: number;
  readonly receipt: string;
}

interface Message {
  readonly id: string;
  readonly body: string;
  readonly md5: string;
  readonly sentAt: number;
  received: number;
  visibleAt: number;
}

interface Waiting {
  readonly ask: { readonly most: number; readonly invisibleMs: number };
  readonly end: (messages: readonly Received[]) => void;
}

const md5Of = (body: string): string => createHash('md5').update(body).digest('hex');
const idOf = (receipt: string): string | null => /^([0-9a-f-]{36})#\d+$/.exec(receipt)?.[1] ?? null;
