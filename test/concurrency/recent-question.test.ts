import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentQuestion } from '../../src/concurrency/recent-question.ts';

const GOOD_FOR_MS = 10;

/** An answer is the moment at which it was sought. */
const setUp = () => {
  let now = 0;
  const open: { readonly begunAt: number; readonly answer: (fault: Error | null) => void }[] = [];
  const question = new RecentQuestion(
    () => {
      const begunAt = now;
      return new Promise<number>((resolve, reject) => {
        open.push({ begunAt, answer: (fault) => (fault === null ? resolve(begunAt) : reject(fault)) });
      });
    },
    GOOD_FOR_MS,
    () => now,
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    question,
    /** When each question began. */
    begun: () => open.map(({ begunAt }) => begunAt),
    pass: (ms: number): void => void (now += ms),
    now: () => now,
    answer: async (n: number, fault: Error | null = null): Promise<void> => {
      open[n]?.answer(fault);
      await settle();
    },
  };
};

describe('a recent question', () => {
  it('is put once for all who ask while its answer is new', async () => {
    const { question, begun, pass, answer } = setUp();
    const first = [question.ask(), question.ask()];
    pass(GOOD_FOR_MS);
    first.push(question.ask());
    await answer(0);
    expect(await Promise.all(first)).toEqual([0, 0, 0]);
    expect(await question.ask()).toBe(0);
    expect(begun()[0]).toBe(0);
  });

  it('is put again before its answer is too old, and nobody waits for that', async () => {
    const { question, begun, pass, answer } = setUp();
    const first = question.ask();
    await answer(0);
    await first;
    pass(7);
    await question.ask();
    expect(begun()).toEqual([0]);
    pass(1);
    expect([await question.ask(), await question.ask()]).toEqual([0, 0]);
    expect(begun()).toEqual([0, 8]);
    pass(2);
    expect(await question.ask()).toBe(0);
    await answer(1);
    expect(await question.ask()).toBe(8);
    expect(begun()).toEqual([0, 8]);
  });

  it('is put for whoever asks when the answer is too old', async () => {
    const { question, begun, pass, answer } = setUp();
    const first = question.ask();
    await answer(0);
    await first;
    pass(GOOD_FOR_MS + 0.1);
    const later = question.ask();
    expect(begun()).toEqual([0, 10.1]);
    await answer(1);
    expect(await later).toBe(10.1);
  });

  it('is put again, once, for all to whom the one under way is too old; an older answer that comes later counts for nothing', async () => {
    const { question, begun, pass, answer } = setUp();
    const first = question.ask();
    pass(GOOD_FOR_MS + 1);
    const later = [question.ask(), question.ask()];
    expect(begun()).toEqual([0, 11]);
    pass(5);
    await answer(1);
    expect(await Promise.all(later)).toEqual([11, 11]);
    await answer(0);
    expect(await first).toBe(0);
    expect(await question.ask()).toBe(11);
    expect(begun()).toEqual([0, 11]);
  });

  it('fails those who wait for it, and is put again by the next', async () => {
    const { question, begun, pass, answer } = setUp();
    const asked = question.ask();
    const failed = expect(asked).rejects.toThrow('away');
    await answer(0, new Error('away'));
    await failed;
    const again = question.ask();
    await answer(1);
    expect(await again).toBe(0);
    // A failed renewal is nobody's, and the next one to ask tries again.
    pass(8);
    expect(await question.ask()).toBe(0);
    await answer(2, new Error('away'));
    expect(await question.ask()).toBe(0);
    expect(begun()).toEqual([0, 0, 8, 8]);
  });

  it('never gives an answer that was sought too long before (Q1), whatever comes when', async () => {
    let [shared, waited, failures] = [0, 0, 0];
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), fails: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const { question, begun, pass, now, answer } = setUp();
        const asked: { readonly at: number; readonly begunBefore: number; readonly answer: Promise<number | null> }[] =
          [];
        let answered = 0;
        for (const one of steps) {
          if (one.kind === 'pass') pass(one.ms);
          else if (one.kind === 'answer') {
            if (answered < begun().length) await answer(answered++, one.fails ? new Error('away') : null);
          } else {
            asked.push({ at: now(), begunBefore: begun().length, answer: question.ask().catch(() => null) });
          }
        }
        // Whatever is still open, and what that leads to.
        while (answered < begun().length) await answer(answered++);
        for (const { at, begunBefore, answer: given } of asked) {
          const sought = await given;
          if (sought === null) failures += 1;
          else if (begun().indexOf(sought) < begunBefore) shared += 1;
          else waited += 1;
          if (sought !== null) expect(at - sought).toBeLessThanOrEqual(GOOD_FOR_MS);
        }
      }),
      { numRuns: 500, seed: 7 },
    );
    expect(Math.min(shared, waited, failures)).toBeGreaterThan(100);
  });
});
