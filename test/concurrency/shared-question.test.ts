import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SharedQuestion, SharedQuestions } from '../../src/concurrency/shared-question.ts';
import type { Timing } from '../../src/concurrency/timing.ts';

const setUp = () => {
  const open: ((answer: number) => void)[] = [];
  const question = new SharedQuestion(() => new Promise<number>((resolve) => open.push(resolve)));
  const answer = (n: number): void => open[n]?.(n);
  return { question, answer, asked: () => open.length };
};

/** Time that passes when a test says so, and while somebody sleeps. */
const stopwatch = () => {
  let at = 0;
  const slept: number[] = [];
  const pass = (ms: number): void => void (at += ms);
  const timing: Timing = {
    monotonic: () => at,
    sleep: async (ms) => {
      slept.push(ms);
      pass(ms);
    },
  };
  return { timing, pass, slept };
};

describe('a shared question', () => {
  it('is put once for all who ask in the same moment', async () => {
    const { question, answer, asked } = setUp();
    const crowd = [question.ask(), question.ask(), question.ask()];
    await nextTurn();
    expect(asked()).toBe(1);
    answer(0);
    expect(await Promise.all(crowd)).toEqual([0, 0, 0]);
    expect(question.idle).toBe(true);
  });

  it('is not answered by an answer that was under way when it was asked', async () => {
    const { question, answer, asked } = setUp();
    const first = question.ask();
    await nextTurn();
    const later = [question.ask(), question.ask(), question.ask()];
    expect(asked()).toBe(1);
    answer(0);
    expect(await first).toBe(0);
    await expect.poll(asked).toBe(2);
    answer(1);
    expect(await Promise.all(later)).toEqual([1, 1, 1]);
    const next = question.ask();
    await nextTurn();
    expect(asked()).toBe(3);
    answer(2);
    expect(await next).toBe(2);
  });

  it('waits for those whom it just answered, so that they share the next round', async () => {
    const { question, answer, asked } = setUp();
    const first = question.ask();
    await nextTurn();
    const later = question.ask();
    answer(0);
    await first;
    await nextTurn();
    await nextTurn();
    const back = question.ask();
    expect(asked()).toBe(1);
    await expect.poll(asked).toBe(2);
    answer(1);
    expect(await Promise.all([later, back])).toEqual([1, 1]);
  });

  it('is asked again after a failure', async () => {
    let calls = 0;
    const question = new SharedQuestion(async () => {
      await nextTurn();
      calls += 1;
      if (calls === 1) throw new Error('away');
      return calls;
    });
    const first = question.ask();
    await nextTurn();
    const second = question.ask();
    expect(await Promise.allSettled([first, second])).toEqual([
      { status: 'rejected', reason: new Error('away') },
      { status: 'fulfilled', value: 2 },
    ]);
  });
});

describe('shared questions by key', () => {
  it('share an answer about the same thing, and not about another', async () => {
    const asked: string[] = [];
    const questions = new SharedQuestions(async (key: string) => {
      asked.push(key);
      return key.toUpperCase();
    });
    expect(await Promise.all(['a', 'b', 'a', 'a'].map((key) => questions.ask(key)))).toEqual(['A', 'B', 'A', 'A']);
    expect(asked).toEqual(['a', 'b']);
    await questions.ask('a');
    expect(asked).toEqual(['a', 'b', 'a']);
  });

  it('keep their pace also when nobody waits in between', async () => {
    const { timing, pass, slept } = stopwatch();
    const begun: number[] = [];
    const questions = new SharedQuestions(async () => begun.push(timing.monotonic()), 100, timing);
    await questions.ask('a');
    pass(10);
    await questions.ask('a');
    pass(30);
    await Promise.all([questions.ask('a'), questions.ask('a')]);
    pass(100);
    await questions.ask('a');
    expect(begun).toEqual([0, 100, 200, 300]);
    expect(slept).toEqual([90, 70]);
  });

  it('answer the first who asks about a thing at once, whatever else was asked just before', async () => {
    const { timing, slept } = stopwatch();
    const questions = new SharedQuestions(async (key: string) => key, 60_000, timing);
    expect(await questions.ask('a')).toBe('a');
    expect(await questions.ask('b')).toBe('b');
    expect(slept).toEqual([]);
  });

  it('are forgotten when their pace no longer matters: at once without one', async () => {
    const { timing, pass } = stopwatch();
    const paced = new SharedQuestions(async (key: number) => key, 20, timing);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => paced.ask(n)));
    expect(paced.size).toBe(1_000);
    pass(20);
    await paced.ask(1);
    expect(paced.size).toBe(1);
    const unpaced = new SharedQuestions(async (key: number) => key);
    await unpaced.ask(1);
    expect(unpaced.size).toBe(0);
  });
});
