import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { exposeEnvironments, type Standing } from '../../src/telemetry/environment-metrics.ts';
import { nameOf, statusOf } from '../store/fixtures.ts';

const ours = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('daemon_scheduler_'));

test('hosts by state and health of each environment, as they are at the scrape', async () => {
  const registry = new Registry();
  const status = statusOf(5);
  let standings: readonly Standing[] = [
    { name: nameOf('logs'), status: { ...status, hosts: { ...status.hosts, running: 3, starting: 2 } } },
    { name: nameOf('proxy'), status: { ...status, health: 'unhealthy', reasons: ['no room'] } },
    { name: nameOf('new'), status: null },
  ];
  exposeEnvironments(registry, () => Promise.resolve(standings));
  const lines = ours(await registry.metrics());
  expect(lines).toContain('daemon_scheduler_environment_hosts{environment="logs",state="eligible"} 5');
  expect(lines).toContain('daemon_scheduler_environment_hosts{environment="logs",state="running"} 3');
  expect(lines).toContain('daemon_scheduler_environment_hosts{environment="logs",state="starting"} 2');
  expect(lines).toContain('daemon_scheduler_environment_healthy{environment="logs"} 1');
  expect(lines).toContain('daemon_scheduler_environment_healthy{environment="proxy"} 0');
  expect(lines.filter((line) => line.includes('"new"'))).toEqual([]);

  // One that was deleted leaves no series behind.
  standings = standings.slice(0, 1);
  expect((await registry.metrics()).includes('"proxy"')).toBe(false);
});

test('nothing of environments while they cannot be read; the rest is served', async () => {
  const registry = new Registry();
  exposeEnvironments(registry, () => Promise.reject(new Error('etcd is away')));
  const text = await registry.metrics();
  expect(ours(text)).toEqual([]);
  expect(text).toContain('# HELP daemon_scheduler_environment_hosts ');
});
