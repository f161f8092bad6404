/** The fallback primitive does the same job, one host a call and without an idempotency key. */
import { expect, test } from 'vitest';
import { cover, ledgerOf, liveTasks, startStack } from './stack.ts';

test('--launch-with start-task covers every host', async () => {
  const stack = await startStack({
    simulator: { hosts: 12, distinctInstance: 'off' },
    flags: ['--launch-with', 'start-task', '--survey-interval', '200'],
  });
  try {
    await cover(stack, 'logs');
    expect(await liveTasks(stack, 'daemon:logs')).toHaveLength(12);
    const { operations, maxLivePerHostAndGroup } = await ledgerOf(stack);
    expect(operations['StartTask']?.calls).toBe(12);
    expect(operations['RunTask']).toBeUndefined();
    expect(maxLivePerHostAndGroup).toBe(1);
  } finally {
    await stack.close();
  }
});
