import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, InstanceArn, Instant } from '../../src/domain/ids.ts';
import { ACCOUNT, harness } from './harness.ts';

const web = as<EnvironmentName>('web');

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

  it('waits for the one before', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const record = await h.store.read(web);
    if (record === null) throw new Error('created');
    // No call of today gives an environment a new token; one that changes it will.
    const target = as<DeploymentId>('aaaaaaaa-0000-4000-8000-000000000000');
    await h.store.update({ ...record.spec.value, target }, record.spec.modified, null, null);
    expect(await h.deploy('web', deploymentToken)).toMatchObject({
      status: 400,
      text: `Deployment ${target} of environment web is in progress; deploy again when it is completed\n`,
    });
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
    const running = {
      id,
      status: 'running',
      startedAt: as<Instant>(0),
      completedAt: null,
      failedInstances: [],
    } as const;

    await h.store.setProgress(web, running);
    expect(await show()).toMatchObject({ status: 'running', state: 'running', startedAt: '1970-01-01T00:00:00.000Z' });
    expect(await show()).not.toHaveProperty('completedAt');

    const completed = { ...running, status: 'completed', completedAt: as<Instant>(1000) } as const;
    await h.store.setProgress(web, completed);
    expect(await show()).toMatchObject({ status: 'completed', state: 'completed', failedInstances: [] });

    await h.store.setProgress(web, { ...completed, failedInstances: [failed] });
    expect(await show()).toMatchObject({
      status: 'completed',
      state: 'completed-with-failures',
      completedAt: '1970-01-01T00:00:01.000Z',
      failedInstances: [failed.instance],
      failures: [failed],
    });
  });

  it('lists the newest first, by the order the store made them in', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const ids: string[] = [];
    for (const token of [
      deploymentToken,
      'bbbbbbbb-0000-4000-8000-000000000000',
      'aaaaaaaa-0000-4000-8000-000000000000',
    ]) {
      const seen = await h.store.read(web);
      if (seen === null) throw new Error('created');
      const spec = {
        ...seen.spec.value,
        target: null,
        deploymentToken: as<typeof seen.spec.value.deploymentToken>(token),
      };
      await h.store.update(spec, seen.spec.modified, null, null);
      ids.unshift((JSON.parse((await h.deploy('web', token)).text) as { id: string }).id);
    }
    const { items } = JSON.parse((await h.call('/v1/environments/web/deployments')).text) as {
      items: { id: string }[];
    };
    expect(items.map(({ id }) => id)).toEqual(ids);
  });
});
