import { describe, expect, it } from 'vitest';
import { API_LIMITS } from '../../src/api/limits.ts';
import { renderEnvironment, renderEnvironments } from '../../src/api/render.ts';
import { as } from '../../src/domain/ids.ts';
import type { EnvironmentName } from '../../src/domain/ids.ts';
import { ACCOUNT, environmentBody, fakeEcs, harness } from './harness.ts';

describe('creating an environment', () => {
  it('stores what it answers, launches nothing, and asks for a survey', async () => {
    const h = harness();
    const answer = await h.post('/v1/environments', environmentBody());
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      deploymentToken: 'abcdef00-0000-4000-8000-000000000003',
      health: 'healthy',
      instanceGroup: { cluster: `${ACCOUNT}:cluster/c1` },
      name: 'web',
      taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
      createdAt: expect.stringMatching(/^2026-08-01T/),
      reasons: [],
      revision: expect.stringMatching(/^[0-9a-f]{16}$/),
      deploymentConfiguration: {
        maxUnavailable: '10%',
        order: 'stop-then-start',
        waves: [],
        minReadySeconds: 0,
        alarms: [],
        rollback: 'auto',
      },
    });
    expect((await h.call('/v1/environments/web')).text).toBe(answer.text);
    const record = await h.store.read(as<EnvironmentName>('web'));
    expect(record?.spec.value).toMatchObject({
      target: null,
      deletion: null,
      frozen: false,
      revision: { networkConfiguration: null, query: null, healthCheck: false },
    });
    expect(h.mailbox.sent).toEqual([`survey ${ACCOUNT}:cluster/c1`]);
  });

  it.each([
    ['a cluster that is not there', { instanceGroup: { cluster: 'nope' } }, 404, 'Cluster nope does not exist'],
    ['an INACTIVE cluster', { instanceGroup: { cluster: 'cgone' } }, 404, 'Cluster is inactive'],
    ['an INACTIVE task definition', { taskDefinition: 'oldtd:1' }, 404, 'TaskDefinition is inactive'],
  ])('refuses %s', async (_, over, status, line) => {
    const h = harness();
    expect(await h.post('/v1/environments', environmentBody(over))).toMatchObject({ status, text: `${line}\n` });
    expect(await h.store.names()).toHaveLength(0);
  });

  it('says which error ECS gave, without a stack', async () => {
    const fault = { code: 'AccessDeniedException', message: 'User is not authorized' };
    for (const [operation, about] of [
      ['resolveCluster', 'DescribeClusters for cluster c1'],
      ['resolveTaskDefinition', 'DescribeTaskDefinition for taskDefinition daemon'],
    ] as const) {
      const h = harness({ ecs: { ...fakeEcs, [operation]: () => Promise.resolve({ kind: 'failed', fault }) } });
      expect(await h.post('/v1/environments', environmentBody())).toMatchObject({
        status: 502,
        text: `Error calling ${about}: AccessDeniedException: User is not authorized\n`,
      });
      expect(await h.store.names()).toHaveLength(0);
    }
  });

  it('says 503 and when to try again while ECS throttles', async () => {
    const fault = { code: 'ThrottlingException', message: 'Rate exceeded' };
    for (const operation of ['resolveCluster', 'resolveTaskDefinition'] as const) {
      const h = harness({ ecs: { ...fakeEcs, [operation]: () => Promise.resolve({ kind: 'throttled', fault }) } });
      const answer = await h.post('/v1/environments', environmentBody());
      expect(answer.status).toBe(503);
      expect(answer.headers.get('Retry-After')).toBe('1');
      expect(answer.text).toContain('ThrottlingException: Rate exceeded; nothing was created, try again');
      expect(await h.store.names()).toHaveLength(0);
    }
  });

  it('gives up on a slow ECS with 504, and then there is no environment, not even later', async () => {
    const answers: (() => void)[] = [];
    const h = harness({
      limits: { ...API_LIMITS, ecsDeadlineMs: 20 },
      ecs: {
        ...fakeEcs,
        // Heeds no signal: the deadline must hold by itself.
        resolveCluster: (given, signal) =>
          new Promise((resolve) => answers.push(() => resolve(fakeEcs.resolveCluster(given, signal)))),
      },
    });
    expect(await h.post('/v1/environments', environmentBody())).toMatchObject({
      status: 504,
      text: 'Error calling DescribeClusters for cluster c1: ECS did not answer in time; nothing was created\n',
    });
    for (const answer of answers) answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toHaveLength(1);
    expect(await h.store.names()).toHaveLength(0);
    expect(h.mailbox.sent).toEqual([]);
  });

  it('says when the name is taken by one that is still being deleted', async () => {
    const h = harness();
    await h.create('web');
    await h.call('/v1/environments/web', { method: 'DELETE' });
    expect(await h.post('/v1/environments', environmentBody())).toMatchObject({
      status: 400,
      text:
        'Error saving environment web to store: The environment with name web is still being deleted; ' +
        'its name is free once its tasks were stopped\n',
    });
  });

  it('passes a networkConfiguration through', async () => {
    const h = harness();
    const networkConfiguration = {
      awsvpcConfiguration: { subnets: ['subnet-1'], securityGroups: ['sg-1'], assignPublicIp: 'DISABLED' },
    };
    const made = await h.post('/v1/environments', environmentBody({ taskDefinition: 'vpc', networkConfiguration }));
    expect(JSON.parse(made.text)).toMatchObject({ networkConfiguration });
    const record = await h.store.read(as<EnvironmentName>('web'));
    expect(record?.spec.value.revision.networkConfiguration).toEqual(networkConfiguration);
  });

  it('answers 200 with Redis down, and also when waking breaks: the environment exists', async () => {
    const h = harness();
    h.mailbox.up = false;
    expect((await h.post('/v1/environments', environmentBody())).status).toBe(200);
    h.mailbox.requestSurvey = () => Promise.reject(new Error('broken'));
    expect((await h.post('/v1/environments', environmentBody({ name: 'web2' }))).status).toBe(200);
    expect(await h.store.names()).toHaveLength(2);
  });
});

describe('reading environments', () => {
  it('pages through them in order of name, also with a filter', async () => {
    const h = harness({ limits: { ...API_LIMITS, pageSize: 2 } });
    for (const name of ['e', 'c', 'a', 'd', 'b']) await h.create(name);
    await h.post('/v1/environments', environmentBody({ name: 'bb', instanceGroup: { cluster: 'c2' } }));
    const pages = async (query: string) => {
      const seen: string[][] = [];
      for (let token = ''; ;) {
        const { text } = await h.call(`/v1/environments?${query}${token}`);
        const page = JSON.parse(text) as { items: { name: string }[]; nextToken?: string };
        seen.push(page.items.map(({ name }) => name));
        if (page.nextToken === undefined) return seen;
        token = `&nextToken=${page.nextToken}`;
      }
    };
    expect(await pages('')).toEqual([
      ['a', 'b'],
      ['bb', 'c'],
      ['d', 'e'],
    ]);
    expect(await pages('cluster=c1')).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(await pages(`cluster=${ACCOUNT}:cluster/c2`)).toEqual([['bb']]);
    expect(await pages('cluster=c')).toEqual([[]]);
  });

  it('renders a record once, for as long as it does not change', async () => {
    const h = harness();
    await h.create('web');
    const record = await h.store.read(as<EnvironmentName>('web'));
    if (record === null) throw new Error('created');
    let looks = 0;
    const watched = new Proxy(record, {
      get: (of, member) => {
        looks += 1;
        return Reflect.get(of, member) as unknown;
      },
    });
    const first = renderEnvironment(watched);
    const after = looks;
    expect(renderEnvironment(watched)).toBe(first);
    expect(renderEnvironments([watched], null)).toBe(`{"items":[${first.trimEnd()}]}\n`);
    expect(after).toBeGreaterThan(0);
    expect(looks).toBe(after);
  });

  it('shows health, reasons and hosts once they are known', async () => {
    const h = harness();
    await h.create('web');
    const hosts = {
      eligible: 3,
      running: 1,
      ready: 1,
      updated: 0,
      starting: 1,
      failed: 1,
      disconnected: 0,
      draining: 0,
    };
    const reasons = ['no memory on host i-1'];
    await h.store.setStatus(as<EnvironmentName>('web'), { health: 'unhealthy', reasons, hosts, revisions: [] });
    expect(JSON.parse((await h.call('/v1/environments/web')).text)).toMatchObject({
      health: 'unhealthy',
      reasons,
      hosts,
    });
  });
});

describe('deleting an environment', () => {
  it.each([
    ['', 'stop'],
    ['?tasks=stop', 'stop'],
    ['?tasks=keep', 'keep'],
  ])('%s marks it, wakes the actor, and it is gone for readers', async (query, tasks) => {
    const h = harness();
    await h.create('web');
    const deleted = await h.call(`/v1/environments/web${query}`, { method: 'DELETE' });
    expect(deleted).toMatchObject({ status: 200, text: '' });
    const record = await h.store.read(as<EnvironmentName>('web'));
    expect(record?.spec.value.deletion).toMatchObject({ tasks });
    expect(h.mailbox.sent.at(-1)).toBe(`wake ${record?.spec.value.id} deploy`);
    for (const path of ['web', 'web/deployments']) {
      expect(await h.call(`/v1/environments/${path}`)).toMatchObject({
        status: 404,
        text: 'Environment web does not exist\n',
      });
    }
    expect((await h.call('/v1/environments')).text).toBe('{"items":[]}\n');
  });

  it('is 200 again while it is going and when it is gone, and what becomes of the tasks stays', async () => {
    const h = harness();
    await h.create('web');
    await h.call('/v1/environments/web?tasks=keep', { method: 'DELETE' });
    expect((await h.call('/v1/environments/web?tasks=stop', { method: 'DELETE' })).status).toBe(200);
    expect((await h.store.read(as<EnvironmentName>('web')))?.spec.value.deletion?.tasks).toBe('keep');
    await h.store.remove(as<EnvironmentName>('web'));
    expect((await h.call('/v1/environments/web', { method: 'DELETE' })).status).toBe(200);
    expect((await h.call('/v1/environments/never', { method: 'DELETE' })).status).toBe(200);
  });

  it('reads and decides again when the spec changed in between, but not for ever', async () => {
    for (const conflicts of [2, 99]) {
      const h = harness();
      await h.create('web');
      const update = h.store.update.bind(h.store);
      let calls = 0;
      h.store.update = (...args) => {
        calls += 1;
        return calls <= conflicts ? Promise.resolve({ kind: 'conflict' }) : update(...args);
      };
      const { status, headers } = await h.call('/v1/environments/web', { method: 'DELETE' });
      expect(status).toBe(conflicts === 2 ? 200 : 503);
      expect(headers.get('retry-after')).toBe(conflicts === 2 ? null : '1');
      expect(calls).toBe(conflicts === 2 ? 3 : API_LIMITS.changeAttempts);
    }
  });

  it('does not delete a successor of the same name', async () => {
    const h = harness();
    await h.create('web');
    const update = h.store.update.bind(h.store);
    h.store.update = async () => {
      h.store.update = update;
      await h.store.remove(as<EnvironmentName>('web'));
      await h.create('web');
      return { kind: 'conflict' };
    };
    expect((await h.call('/v1/environments/web', { method: 'DELETE' })).status).toBe(200);
    expect((await h.call('/v1/environments/web')).status).toBe(200);
  });
});
