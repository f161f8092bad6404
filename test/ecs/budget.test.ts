import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNLIMITED_BUDGET, WaitingBudget } from '../../src/ecs/budget.ts';
import type { Taken, TokenSource } from '../../src/ecs/budget.ts';
import { ECS_LIMITS } from '../../src/ecs/buckets.ts';
import type { Limits } from '../../src/ecs/buckets.ts';
import { LocalTokens } from '../../src/ecs/local-tokens.ts';
import { after } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/ids.ts';
import type { Priority } from '../../src/domain/plan.ts';
import { open } from './samples.ts';
import { VirtualClock } from './virtual-clock.ts';
import { expectWithinLimits } from './window.ts';

interface Log {
  readonly name: string;
  readonly taken: Taken;
  readonly at: number;
}

/** Round numbers, so that the expected ones can be counted on fingers. */
const LIMITS: Limits = { ...ECS_LIMITS, modify: { burst: 100, perSecond: 40 } };

function bench(limits: Limits = LIMITS, workers = 1) {
  const clock = new VirtualClock();
  const tokens = new LocalTokens({ limits, clock });
  let asks = 0;
  const source: TokenSource = {
    ask: (bucket, ask) => {
      asks += 1;
      return tokens.ask(bucket, ask);
    },
    cut: (bucket) => tokens.cut(bucket),
  };
  const budgets = Array.from({ length: workers }, () => new WaitingBudget({ source, clock }));
  const log: Log[] = [];
  const take = (
    name: string,
    priority: Priority,
    {
      notAfter = null,
      signal = open(),
      worker = 0,
    }: { notAfter?: Instant | null; signal?: AbortSignal; worker?: number } = {},
  ): void => {
    const budget = budgets[worker];
    if (budget === undefined) throw new Error(`no worker ${worker}`);
    void budget
      .take('modify', priority, { notAfter, signal })
      .then((taken) => log.push({ name, taken, at: clock.now() }));
  };
  const many = (count: number, name: string, priority: Priority): void => {
    for (let i = 0; i < count; i += 1) take(`${name}${i}`, priority);
  };
  const names = (): readonly string[] => log.filter(({ taken }) => taken === 'taken').map(({ name }) => name);
  return { clock, budgets, log, take, many, names, asks: () => asks };
}

describe('when tokens are short', () => {
  it('a repair may take the last one, a joining host leaves ten and a rollout twenty-five', async () => {
    for (const [priority, expected] of [
      ['repair', 100],
      ['new-host', 90],
      ['rollout', 75],
    ] as const) {
      const { clock, many, names } = bench();
      many(200, priority, priority);
      await clock.advance(0);
      expect(names()).toHaveLength(expected);
    }
  });

  it('a repair goes ahead of a rollout that waited longer', async () => {
    const { clock, many, take, names } = bench();
    many(300, 'rollout', 'rollout');
    await clock.advance(0);
    expect(names()).toHaveLength(75);
    many(25, 'repair', 'repair');
    await clock.advance(0);
    expect(names().slice(75)).toEqual(Array.from({ length: 25 }, (_, i) => `repair${i}`));
    // Nothing is left now: the next token is the newcomer's, and the rollouts wait for their reserve to fill.
    take('host', 'new-host');
    take('last', 'repair');
    await clock.advance(25);
    expect(names().slice(100)).toEqual(['last']);
    await clock.advance(11 * 25);
    expect(names().slice(101)).toEqual(['host']);
    await clock.advance(60_000);
    expect(names()).toHaveLength(75 + 25 + 2 + 225);
  });

  it('equals are served in the order they came', async () => {
    const { clock, many, names } = bench();
    many(130, 'r', 'repair');
    await clock.advance(10_000);
    expect(names()).toEqual(Array.from({ length: 130 }, (_, i) => `r${i}`));
  });

  it('waits by the clock, not by asking again and again', async () => {
    const { clock, many, names, asks } = bench();
    many(200, 'r', 'repair');
    await clock.advance(0);
    expect(asks()).toBeLessThanOrEqual(12);
    await clock.advance(2_500);
    expect(names()).toHaveLength(200);
    expect(asks()).toBeLessThanOrEqual(12 + 100);
  });
});

describe('a wait', () => {
  it('ends when its time is over, without a token', async () => {
    const { clock, many, take, log, names } = bench();
    many(100, 'r', 'repair');
    await clock.advance(0);
    const start = clock.now();
    take('late', 'repair', { notAfter: after(start, 10) });
    take('next', 'repair');
    await clock.advance(1_000);
    expect(log.slice(100)).toEqual([
      { name: 'late', taken: 'late', at: start + 11 },
      { name: 'next', taken: 'taken', at: start + 25 },
    ]);
    expect(names()).toHaveLength(101);
  });

  it('that is over before it began takes no token', async () => {
    const { clock, take, log } = bench();
    take('late', 'repair', { notAfter: after(clock.now(), -1) });
    await clock.advance(0);
    expect(log.map(({ taken }) => taken)).toEqual(['late']);
  });

  it('ends at once when the caller gives up, and leaves the token to the next', async () => {
    const { clock, many, take, log } = bench();
    many(100, 'r', 'repair');
    await clock.advance(0);
    const start = clock.now();
    const turn = new AbortController();
    take('gone', 'repair', { signal: turn.signal });
    take('next', 'repair');
    await clock.advance(5);
    turn.abort();
    await clock.advance(100);
    expect(log.slice(100)).toEqual([
      { name: 'gone', taken: 'aborted', at: start + 5 },
      { name: 'next', taken: 'taken', at: start + 25 },
    ]);
  });

  it('of somebody who gave up before does not begin', async () => {
    const { clock, take, log, asks } = bench();
    take('gone', 'repair', { signal: AbortSignal.abort() });
    await clock.advance(0);
    expect([log.map(({ taken }) => taken), asks()]).toEqual([['aborted'], 0]);
  });

  it('becomes longer when ECS throttles', async () => {
    const { clock, budgets, many, names } = bench();
    await clock.advance(10_000);
    budgets[0]?.throttled('modify');
    many(100, 'r', 'repair');
    await clock.advance(1_000);
    // Half of 40 a second, and a little that has recovered.
    expect(names().length).toBeGreaterThanOrEqual(19);
    expect(names().length).toBeLessThanOrEqual(21);
  });
});

it('several workers on one source never get more than the bucket gives, and everyone is served', async () => {
  const limits = { ...LIMITS, modify: { burst: 10, perSecond: 20 } };
  const arrival = fc.record({
    wait: fc.integer({ min: 0, max: 400 }),
    worker: fc.integer({ min: 0, max: 2 }),
    priority: fc.constantFrom<Priority>('repair', 'new-host', 'rollout'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 60 }), async (arrivals) => {
      const { clock, take, log } = bench(limits, 3);
      for (const [i, { wait, worker, priority }] of arrivals.entries()) {
        await clock.advance(wait);
        take(`${i}`, priority, { worker });
      }
      await clock.advance(30_000);
      expect(log.map(({ taken }) => taken)).toEqual(arrivals.map(() => 'taken'));
      expectWithinLimits(
        log.map(({ at }) => ({ at, count: 1 })),
        limits.modify,
      );
    }),
    { numRuns: 30 },
  );
});

it('without limits only giving up counts', async () => {
  expect(await UNLIMITED_BUDGET.take('read', 'rollout', { notAfter: null, signal: open() })).toBe('taken');
  expect(await UNLIMITED_BUDGET.take('read', 'rollout', { notAfter: null, signal: AbortSignal.abort() })).toBe(
    'aborted',
  );
});
