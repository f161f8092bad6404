/** What a scrape of a running system tells. */
import { expect, test } from 'vitest';
import { freePort } from '../../scripts/local/ports.ts';
import { cover, eventually, startStack } from './stack.ts';

test('a scrape tells how many hosts an environment has and how many have their task', async () => {
  const at = `127.0.0.1:${await freePort()}`;
  const stack = await startStack({
    simulator: { hosts: 4 },
    flags: [`--metrics-bind=${at}`, '--survey-interval=200'],
  });
  try {
    await cover(stack, 'logs');
    const hosts = (state: string, count: number): string =>
      `daemon_scheduler_environment_hosts{environment="logs",state="${state}"} ${count}\n`;
    const text = await eventually(
      async () => await (await fetch(`http://${at}/metrics`)).text(),
      (seen) => seen.includes(hosts('running', 4)),
      'four hosts with their task',
    );
    expect(text).toContain(hosts('eligible', 4));
    expect(text).toContain('daemon_scheduler_environment_healthy{environment="logs"} 1\n');
    expect(text).toMatch(/daemon_scheduler_launches_total [1-9]/);
    const ready = await fetch(`http://${at}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, etcd: 'up', redis: 'up' }]);
  } finally {
    await stack.close();
  }
});
