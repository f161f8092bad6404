import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClockOffset } from '../../src/ecs/clock-offset.ts';
import { as } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/ids.ts';

/** One call: their clock is `ahead` of ours, and they write the header `there` ms after we sent it. */
function call(
  offset: ClockOffset,
  { at, ahead, there, back }: { at: number; ahead: number; there: number; back: number },
): void {
  const written = Math.floor((at + there + ahead) / 1000) * 1000;
  offset.observe(as<Instant>(at), as<Instant>(at + there + back), new Date(written).toUTCString());
}

const START = 1_795_000_000_000;

it('comes within a second and the way there and back of the truth, and closer with every call', () => {
  const trip = fc.record({
    there: fc.integer({ min: 0, max: 3_000 }),
    back: fc.integer({ min: 0, max: 3_000 }),
    pause: fc.integer({ min: 1, max: 60_000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -600_000, max: 600_000 }),
      fc.array(trip, { minLength: 1, maxLength: 20 }),
      (ahead, trips) => {
        const offset = new ClockOffset();
        let at = START;
        let best = Infinity;
        for (const { there, back, pause } of trips) {
          at += pause;
          call(offset, { at, ahead, there, back });
          best = Math.min(best, 1_000 + there + back);
          const error = Math.abs(offset.ms - -ahead);
          // Not corrected at all while the clocks may agree.
          expect(error).toBeLessThanOrEqual(offset.ms === 0 ? Math.max(1_000, best) : best);
        }
      },
    ),
  );
});

it('leaves a clock alone that is right, or off by less than the header can tell', () => {
  for (const ahead of [0, 700, -900]) {
    const offset = new ClockOffset();
    for (let i = 0; i < 50; i += 1) call(offset, { at: START + i * 1_337, ahead, there: 20, back: 20 });
    expect(offset.ms).toBe(0);
  }
});

it('is not misled by one slow call', () => {
  const offset = new ClockOffset();
  call(offset, { at: START, ahead: 0, there: 0, back: 30_000 });
  expect(offset.ms).toBe(0);
});

it('follows a clock that is set', () => {
  const offset = new ClockOffset();
  call(offset, { at: START, ahead: 0, there: 10, back: 10 });
  call(offset, { at: START + 10_000, ahead: -60_000, there: 10, back: 10 });
  expect(Math.abs(offset.ms - 60_000)).toBeLessThanOrEqual(1_020);
});

it('ignores an answer without a date', () => {
  const offset = new ClockOffset();
  offset.observe(as<Instant>(START), as<Instant>(START), undefined);
  offset.observe(as<Instant>(START), as<Instant>(START), 'yesterday');
  expect(offset.ms).toBe(0);
  expect(offset.ours(new Date(START))).toBe(START);
  expect(offset.ours(undefined)).toBe(null);
});
