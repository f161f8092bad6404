/**
 * The mailboxes, as BullMQ keeps them: one coalescing wake-up an actor, one activation of it at a time while locks hold,
 * timers, a sweep. In bad weather wake-ups get lost, repeated and late, and locks do not hold.
 */
import { setMaxListeners } from 'node:events';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import type { Process } from './process.ts';
import { LOCK_MS } from './scale.ts';
import type { Timeline } from './timeline.ts';

const PICK_UP_MS = { least: 1, most: 10 };
const RETRY_MS = { least: 100, most: 800 };
const LOCK_LOST_AFTER_MS = { least: 0, most: 400 };

export interface Activation {
  readonly process: Process;
  readonly signal: AbortSignal;
}

/** True: done. False: bring it back later. */
type Work = (activation: Activation) => Promise<boolean>;

interface Running {
  readonly process: Process;
}

interface Box {
  readonly work: Work;
  waiting: boolean;
  /** Whose lock it is. */
  holder: Running | null;
  timer: number;
}

export interface QueueOptions {
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
  readonly workers: () => readonly Process[];
}

export class Queue {
  takeovers = 0;
  activations = 0;
  /** The moment until which nothing goes in or out. */
  awayUntil = 0;
  private readonly options: QueueOptions;
  private readonly boxes = new Map<string, Box>();
  /** Of all activations that nobody tells to stop: signals are costly. */
  private readonly undisturbed = new AbortController();

  constructor(options: QueueOptions) {
    this.options = options;
    setMaxListeners(0, this.undisturbed.signal);
  }

  open(actor: string, work: Work): void {
    if (!this.boxes.has(actor)) {
      this.boxes.set(actor, { work, waiting: false, holder: null, timer: 0 });
    }
  }

  wake(actor: string): void {
    const box = this.boxes.get(actor);
    if (box === undefined) return;
    if (box.waiting) return;
    box.waiting = true;
    if (box.holder === null) this.pickUp(actor, box);
  }

  /** Replaces an earlier timer of the same actor. */
  wakeIn(actor: string, ms: number): void {
    const box = this.boxes.get(actor);
    if (box === undefined) return;
    const timer = (box.timer += 1);
    this.options.timeline.after(ms, `timer of ${actor}`, () => {
      if (box.timer === timer) this.wake(actor);
    });
  }

  /** FLUSHALL. Activations go on, and nobody knows of them. */
  empty(): void {
    for (const box of this.boxes.values()) {
      box.waiting = false;
      box.holder = null;
      box.timer += 1;
    }
  }

  /** A process died, or stands still until then: its locks run out. */
  silent(process: Process, until: number): void {
    const { timeline } = this.options;
    if (until - timeline.now < LOCK_MS) return;
    for (const [actor, box] of this.boxes) {
      const { holder } = box;
      if (holder === null || holder.process !== process) continue;
      timeline.after(LOCK_MS, `lock of ${actor} runs out`, () => {
        if (box.holder !== holder) return;
        this.takeovers += 1;
        this.release(actor, box, true);
      });
    }
  }

  private pickUp(actor: string, box: Box): void {
    const { timeline, chance } = this.options;
    timeline.after(chance.int(PICK_UP_MS.least, PICK_UP_MS.most), `pick up ${actor}`, () => {
      if (!box.waiting || box.holder !== null) return;
      const process = chance.pick(this.options.workers());
      if (process === undefined || this.awayUntil > timeline.now) {
        timeline.after(RETRY_MS.least, `nobody for ${actor}`, () => this.pickUp(actor, box));
        return;
      }
      this.start(actor, box, process);
    });
  }

  private start(actor: string, box: Box, process: Process): void {
    const { faults, timeline } = this.options;
    const lockLost = faults.strikes('lock lost');
    const handedOver = faults.strikes('handed over');
    const running: Running = { process };
    const controller = handedOver ? new AbortController() : this.undisturbed;
    box.waiting = false;
    box.holder = running;
    this.activations += 1;
    const ended = (done: boolean): void => {
      // Whoever lost the lock has no say any more.
      if (box.holder !== running) return;
      if (done) this.release(actor, box, false);
      else {
        const { least, most } = RETRY_MS;
        timeline.after(this.options.chance.int(least, most), `retry ${actor}`, () => {
          if (box.holder === running) this.release(actor, box, true);
        });
      }
    };
    void box.work({ process, signal: controller.signal }).then(ended);
    if (!lockLost && !handedOver) return;
    const { least, most } = LOCK_LOST_AFTER_MS;
    timeline.after(faults.chanceOf('lock lost').int(least, most), `lock of ${actor} lost`, () => {
      if (handedOver) controller.abort();
      if (box.holder === running) this.release(actor, box, true);
    });
  }

  private release(actor: string, box: Box, again: boolean): void {
    box.holder = null;
    box.waiting ||= again;
    if (box.waiting) this.pickUp(actor, box);
  }
}
