import { as } from '../domain/ids.ts';
import type { Instant } from '../domain/ids.ts';

/** HTTP's Date header counts whole seconds (RFC 9110, 5.6.7): what it names is up to this much in the past. */
const RESOLUTION_MS = 1_000;
/** Two clocks drift apart by some ten parts in a million; the estimate widens by more, or it could never follow. */
const DRIFT_PER_MS = 0.0001;

/**
 * How far our clock is ahead of ECS's, from the Date headers of its answers. Each answer gives a range that holds the
 * true difference: the header was written after we sent and before we received. The ranges are intersected.
 */
export class ClockOffset {
  private low = -Infinity;
  private high = Infinity;
  private at = 0;

  observe(sentAt: Instant, receivedAt: Instant, date: string | undefined): void {
    const written = Date.parse(date ?? '');
    if (Number.isNaN(written)) return;
    const drift = Math.max(0, receivedAt - this.at) * DRIFT_PER_MS;
    const low = sentAt - written - RESOLUTION_MS;
    const high = receivedAt - written;
    this.low = Math.max(this.low - drift, low);
    this.high = Math.min(this.high + drift, high);
    // A clock was set: what we knew is void.
    if (this.low > this.high) {
      this.low = low;
      this.high = high;
    }
    this.at = receivedAt;
  }

  /** Milliseconds to add to a time of ECS's; 0 while the clocks may agree, or differ by less than the header can tell. */
  get ms(): number {
    if (this.low <= 0 && this.high >= 0) return 0;
    const middle = Math.round((this.low + this.high) / 2);
    return Math.abs(middle) > RESOLUTION_MS ? middle : 0;
  }

  /** A moment of ECS's clock as a moment of ours. */
  ours(ecs: Date | undefined): Instant | null {
    return ecs === undefined ? null : as<Instant>(ecs.getTime() + this.ms);
  }
}
