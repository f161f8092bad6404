/** etcd, Redis, ECS and the ways to them break under a running installation. `npm run chaos` does it for longer. */
import { describe, expect, test } from 'vitest';
import { LOST_INTENTS_REPLY, LOST_OUTCOMES_REPLY, PARTITIONED_FROM_ETCD } from '../../chaos/faults/network.ts';
import {
  ALL_WORKERS_KILLED,
  API_KILLED,
  ETCD_FROZEN,
  ETCD_KILLED,
  REDIS_FROZEN,
  REDIS_LOST,
} from '../../chaos/faults/servers.ts';
import { emptiedRollout, faultsOf } from '../../chaos/rollout.ts';
import { put, remove } from '../../src/store/etcd-requests.ts';
import type { InstanceArn } from '../../src/domain/ids.ts';
import { useStage } from './stage.ts';

const stage = useStage({ workers: 2, hosts: 8, seed: 2 });
const HOSTS = 1_000;

test('FLUSHALL in the middle of a rollout, and again of a survey: one launch a host', async () => {
  const result = await emptiedRollout(stage, { cluster: 'large', hosts: HOSTS });
  expect(faultsOf(result, HOSTS)).toEqual([]);
});

describe('servers', () => {
  test.each([
    ['Redis is killed and comes back empty', REDIS_LOST],
    ['Redis hangs', REDIS_FROZEN],
  ])('%s: reads go on, and so does the work behind it', async (_, fault) => {
    await (await stage.world.target()).deploy();
    const { readMs } = await stage.play(fault);
    expect(readMs).toEqual(expect.any(Number));
  });

  test.each([
    ['is killed and comes back', ETCD_KILLED],
    ['hangs', ETCD_FROZEN],
  ])('etcd %s: reads are refused with a reason and Retry-After, and the work goes on behind it', async (_, fault) => {
    await (await stage.world.target()).deploy();
    const { refusalMs } = await stage.play(fault);
    expect(refusalMs).toEqual(expect.any(Number));
  });

  test('the API and all workers are killed while hosts join: they are covered afterwards', async () => {
    const { world } = stage;
    await (await world.target()).deploy();
    const happened = await Promise.all([API_KILLED, ALL_WORKERS_KILLED].map((fault) => fault.inject(stage)));
    expect(happened).toEqual([{ seen: true }, { seen: true }]);
    expect(world.events.get('hosts joined')).toBeGreaterThan(0);
    await stage.settled();
  });
});

describe('the network', () => {
  test.each([LOST_INTENTS_REPLY, LOST_OUTCOMES_REPLY, PARTITIONED_FROM_ETCD])('$kind', async (fault) => {
    await stage.play(fault);
  });
});

describe('an environment stops alone, with a clear fault, and the others go on', () => {
  test('its task definition was deregistered', async () => {
    const { system, world } = stage;
    await system.ecs.register('gone');
    const environment = await system.api.create({ name: 'deregistered', cluster: 'default', taskDefinition: 'gone:1' });
    await system.ecs.deregister('gone:1');
    const deployment = await system.api.deploy(environment);
    await expect
      .poll(async () => (await system.api.environment('deregistered')).reasons?.join(), { timeout: 40_000 })
      .toContain('the task definition is not ACTIVE any more');
    await world.joinHosts(1);
    await (await world.target()).deploy();
    await stage.settled();
    const deployments = await system.api.deployments('deregistered');
    expect(deployments).toMatchObject([{ id: deployment.id, status: 'running' }]);
    await system.api.remove('deregistered');
    const { tasks } = await system.ecs.ledger();
    expect(tasks.filter(({ group }) => group === 'daemon:deregistered')).toEqual([]);
  });

  test('its record cannot be read', async () => {
    const { system, world } = stage;
    const target = await world.target();
    await target.deploy();
    await stage.settled();
    const { client, keys } = system.store;
    const key = keys.slot(target.id, 'garbled' as InstanceArn);
    await client.write({ compare: [], success: [put(key, 'no JSON')] });
    await expect
      .poll(
        () =>
          metric(
            stage.system.seats.map(({ metricsUrl }) => metricsUrl),
            'unreadable_values_total',
          ),
        {
          timeout: 40_000,
        },
      )
      .toBeGreaterThan(0);
    const other = await world.target();
    await other.deploy();
    await world.joinHosts(1);
    await expect.poll(() => tasksOf(other.name), { timeout: 40_000 }).toBe(await hosts());
    expect(await tasksOf(target.name)).toBe((await hosts()) - 1);

    await client.write({ compare: [], success: [remove(key)] });
    await stage.settled();
  });
});

const hosts = async (): Promise<number> => (await stage.system.ecs.hosts('default')).length;

const tasksOf = async (name: string): Promise<number> =>
  (await stage.system.ecs.ledger()).tasks.filter(
    ({ group, stoppedAt }) => group === `daemon:${name}` && stoppedAt === null,
  ).length;

/** Of all workers together. */
async function metric(urls: readonly string[], name: string): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
  return texts.reduce(
    (sum, text) => sum + Number(new RegExp(`^daemon_scheduler_${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0),
    0,
  );
}
