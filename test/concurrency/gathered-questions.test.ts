import { expect, test } from 'vitest';
import { GatheredQuestions } from '../../src/concurrency/gathered-questions.ts';

const CLUSTER = 'prod';

test('what is asked while an answer is under way goes together, each thing once, and is answered by a later one', async () => {
  const calls: (readonly string[])[] = [];
  const answers: (() => void)[] = [];
  const questions = new GatheredQuestions<string, string, string>(async (_, arns) => {
    calls.push(arns);
    await new Promise<void>((resolve) => answers.push(resolve));
    return new Map(arns.map((arn) => [arn, `${arn} of call ${calls.length}`]));
  });
  const first = questions.ask(CLUSTER, ['a']);
  while (answers.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const later = [questions.ask(CLUSTER, ['a', 'b']), questions.ask(CLUSTER, ['b', 'c'])];
  answers[0]?.();
  expect((await first).get('a')).toBe('a of call 1');
  while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve));
  answers[1]?.();
  for (const answer of await Promise.all(later)) expect(answer.get('b')).toBe('b of call 2');
  expect(calls).toEqual([['a'], ['a', 'b', 'c']]);
  expect(await questions.ask(CLUSTER, [])).toEqual(new Map());
  expect(calls).toHaveLength(2);
  const alone = questions.ask(CLUSTER, ['d']);
  while (answers.length < 3) await new Promise((resolve) => setImmediate(resolve));
  answers[2]?.();
  expect([...(await alone).keys()]).toEqual(['d']);
});
