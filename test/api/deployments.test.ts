import { describe, expect, it } from 'vitest';
import type { DeploymentProgress } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, InstanceArn, Instant } from '../../src/domain/ids.ts';
import { ACCOUNT, harness } from './harness.ts';

const web = as<EnvironmentName>('web');
const DAEMON_2 = `${ACCOUNT}:task-definition/daemon:2`;

const AGAIN = (state: string): string =>
  `, and is ${state}. A token is good for one: PATCH the environment, also with {}, for a new one, ` +
  'or deploy with restart=true, which makes every task anew';

describe('deploying', () => {
  it('writes target and deployment together, wakes the actor, and shows it pending', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const answer = await h.deploy('web', deploymentToken);
    expect(answer.status).toBe(200);
    const made = JSON.parse(answer.text) as { id: string };
    expect(made).toEqual({
      environmentName: 'web',
      failedInstances: [],
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'pending',
      taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
      state: 'pending',
      createdAt: expect.stringMatching(/^2026-08-01T/),
      failures: [],
      kind: 'deploy',
      revision: expect.stringMatching(/^[0-9a-f]{16}$/),
      waves: [],
      deferredInstances: [],
      ignoredAlarms: [],
    });
    const record = await h.store.read(web);
    expect(record?.spec.value.target).toBe(made.id);
    expect([...(record?.deployments.keys() ?? [])]).toEqual([made.id]);
    expect(h.mailbox.sent.at(-1)).toBe(`wake ${record?.spec.value.id} deploy`);
    expect((await h.call(`/v1/environments/web/deployments/${made.id}`)).text).toBe(answer.text);
    expect(JSON.parse((await h.call('/v1/environments/web')).text)).toMatchObject({ targetDeployment: made.id });
  });

  it('answers 200 with Redis down: the deployment is in etcd, and the sweep will find it', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    h.mailbox.up = false;
    expect((await h.deploy('web', deploymentToken)).status).toBe(200);
    expect((await h.store.read(web))?.spec.value.target).not.toBeNull();
    expect(h.logged.some(({ msg }) => String(msg).includes('the sweep will find the change'))).toBe(true);
  });

  it('lets one of two at the same time through', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const answers = await Promise.all([h.deploy('web', deploymentToken), h.deploy('web', deploymentToken)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect((await h.store.read(web))?.deployments.size).toBe(1);
  });

  it('decides again when the spec changed in between: a deletion wins', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const update = h.store.update.bind(h.store);
    h.store.update = async (...args) => {
      h.store.update = update;
      await h.call('/v1/environments/web', { method: 'DELETE' });
      return update(...args);
    };
    expect(await h.deploy('web', deploymentToken)).toMatchObject({
      status: 404,
      text: "Environment with name 'web' does not exist\n",
    });
    expect((await h.store.read(web))?.deployments.size).toBe(0);
  });

  it('waits for the one before, or supersedes it', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const first = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: string };
    const token = h.token(await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' }));
    const inProgress = `Deployment ${first.id} of environment web is in progress; deploy again when it is completed, or in its place with supersede=true\n`;
    expect(await h.deploy('web', token)).toMatchObject({ status: 400, text: inProgress });
    expect(await h.deploy('web', `${token}&supersede=false`)).toMatchObject({ status: 400, text: inProgress });
    const second = await h.deploy('web', `${token}&supersede=true`);
    expect(JSON.parse(second.text)).toMatchObject({ state: 'pending', taskDefinition: DAEMON_2 });
    expect(JSON.parse((await h.call(`/v1/environments/web/deployments/${first.id}`)).text)).toMatchObject({
      status: 'completed',
      state: 'superseded',
    });
  });

  it('restarts with a token that was used, as often as one likes', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const ids: string[] = [];
    for (const more of ['', '&restart=true', '&restart=true']) {
      const answer = await h.deploy('web', `${deploymentToken}${more}`);
      expect(answer.status).toBe(200);
      const { id } = JSON.parse(answer.text) as { id: DeploymentId };
      ids.push(id);
      await h.store.setProgress(web, { id, state: 'completed', endedAt: as<Instant>(1) });
    }
    expect((await h.deploy('web', `${deploymentToken}&restart=false`)).status).toBe(400);
    const record = await h.store.read(web);
    const templates = [...(record?.deployments.values() ?? [])].map(({ value }) => value.template);
    expect(new Set(templates).size).toBe(3);
    const { items } = JSON.parse((await h.call('/v1/environments/web/deployments')).text) as { items: object[] };
    expect(items).toMatchObject([
      { id: ids[2], kind: 'restart' },
      { id: ids[1], kind: 'restart' },
      { id: ids[0], kind: 'deploy' },
    ]);
    expect((await h.spec()).target).toBe(ids[2]);
  });

  it.each([
    ['running', ''],
    ['completed', ''],
    ['cancelled', AGAIN('cancelled')],
    ['failed', AGAIN('failed')],
  ] as const)('with a token whose deployment is %s is refused, and told how it goes on', async (state, told) => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    await h.store.setProgress(web, { id, state, endedAt: as<Instant>(1) });
    const used = `Deployment with token '${deploymentToken}' already exists`;
    expect(await h.deploy('web', deploymentToken)).toMatchObject({ status: 400, text: `${used}${told}\n` });
    const next = h.token(await h.patch('web', deploymentToken, {}));
    const replaced = `${used}, and the environment has another token since: read it again\n`;
    expect(await h.deploy('web', deploymentToken)).toMatchObject({ status: 400, text: replaced });
    if (told === '') return;
    expect((await h.deploy('web', next)).status).toBe(200);
  });

  it('tells so before the order to cancel is heeded, too', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    await h.order(`web/deployments/${id}/cancel`);
    expect((await h.deploy('web', deploymentToken)).text).toContain(AGAIN('cancelled'));
  });

  it('keeps the revision that it deploys', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    expect((await h.store.read(web))?.revisions.size).toBe(0);
    await h.deploy('web', deploymentToken);
    const record = await h.store.read(web);
    expect([...(record?.revisions.keys() ?? [])]).toEqual([record?.spec.value.revision.id]);
  });
});

describe('reading deployments', () => {
  it('shows progress and why instances failed', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    const show = async () => JSON.parse((await h.call(`/v1/environments/web/deployments/${id}`)).text) as object;
    const failed = {
      instance: as<InstanceArn>(`${ACCOUNT}:container-instance/c1/i`),
      reason: 'RESOURCE:MEMORY',
      attempts: 3,
    };
    await h.store.setProgress(web, { id });
    expect(await show()).toMatchObject({ status: 'running', state: 'running', startedAt: '1970-01-01T00:00:00.000Z' });
    expect(await show()).not.toHaveProperty('completedAt');
    expect(await show()).not.toHaveProperty('reason');
    expect(await show()).not.toHaveProperty('openedAt');

    const completed = { id, state: 'completed', endedAt: as<Instant>(1000) } as const;
    await h.store.setProgress(web, completed);
    expect(await show()).toMatchObject({ status: 'completed', state: 'completed', failedInstances: [] });

    await h.store.setProgress(web, { ...completed, failedInstances: [failed] });
    expect(await show()).toMatchObject({
      status: 'completed',
      state: 'completed',
      completedAt: '1970-01-01T00:00:01.000Z',
      failedInstances: [failed.instance],
      failures: [failed],
    });
  });

  it.each([
    ['running', 'running', 'running'],
    ['paused', 'running', 'paused'],
    ['completed', 'completed', 'completed'],
    ['failed', 'completed', 'failed'],
    ['cancelled', 'completed', 'cancelled'],
  ] as const)('calls one that is %s %s for clients of v0.3.0', async (state, status, shown) => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    await h.store.setProgress(web, { id, state, reason: 'because' });
    expect(JSON.parse((await h.call(`/v1/environments/web/deployments/${id}`)).text)).toMatchObject({
      status,
      state: shown,
      reason: 'because',
    });
  });

  it('shows how far the waves are, and whom it does not wait for', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    const wave = { promote: 'auto', bakeMinutes: 5 } as const;
    const progress = {
      id,
      waves: [
        { ...wave, name: 'canary', of: { kind: 'canary', hosts: 5 } },
        { ...wave, name: 'zone a', of: { kind: 'attribute', name: 'zone', value: 'a' } },
        { ...wave, name: 'rest', of: null },
      ],
      open: 2,
      openedAt: as<Instant>(2000),
      deferredInstances: [as<InstanceArn>('away')],
      ignoredAlarms: ['noisy'],
    } as const;
    const shown = async (over: Partial<DeploymentProgress>) => {
      await h.store.setProgress(web, { ...progress, ...over });
      const { text } = await h.call(`/v1/environments/web/deployments/${id}`);
      return JSON.parse(text) as { waves: { state: string }[] };
    };
    expect(await shown({})).toMatchObject({
      waves: [
        { name: 'canary', state: 'done', promote: 'auto', bakeMinutes: 5 },
        { name: 'zone a', state: 'open' },
        { name: 'rest', state: 'closed' },
      ],
      openedAt: '1970-01-01T00:00:02.000Z',
      deferredInstances: ['away'],
      ignoredAlarms: ['noisy'],
    });
    const states = async (over: Partial<DeploymentProgress>) => (await shown(over)).waves.map(({ state }) => state);
    expect(await states({ doneAt: as<Instant>(3000) })).toEqual(['done', 'done', 'closed']);
    expect(await states({ open: 0 })).toEqual(['closed', 'closed', 'closed']);
    expect(await states({ open: 3, state: 'completed' })).toEqual(['done', 'done', 'done']);
    expect(await states({ open: 1, state: 'failed' })).toEqual(['open', 'closed', 'closed']);
  });

  it('lists the newest first, by the order the store made them in', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const ids: string[] = [];
    let token = deploymentToken;
    for (let made = 0; made < 3; made += 1) {
      ids.unshift((JSON.parse((await h.deploy('web', `${token}&supersede=true`)).text) as { id: string }).id);
      token = h.token(await h.patch('web', token, {}));
    }
    const { items } = JSON.parse((await h.call('/v1/environments/web/deployments')).text) as {
      items: { id: string }[];
    };
    expect(items.map(({ id }) => id)).toEqual(ids);
  });
});
