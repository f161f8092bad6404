import { describe, expect, it } from 'vitest';
import type { DeploymentProgress } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, InstanceArn, Instant } from '../../src/domain/ids.ts';
import { EXCLUDED_MOST } from '../../src/domain/orders.ts';
import { ORDERED_HOSTS_MOST } from '../../src/api/render.ts';
import type { DeploymentWire } from '../../src/api/schemas.ts';
import { ACCOUNT, harness } from './harness.ts';

const web = as<EnvironmentName>('web');
const HOST = '0123456789abcdef0123456789abcdef';
const ARN = `${ACCOUNT}:container-instance/c1/${HOST}`;

/** An environment with a deployment under way. */
const rollout = async () => {
  const h = harness();
  const { deploymentToken } = await h.create('web');
  const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
  const environment = (await h.spec()).id;
  h.mailbox.sent.length = 0;
  return {
    ...h,
    id,
    deploymentToken,
    woken: `wake ${environment} deploy`,
    tell: (order: string, deployment: string = id) => h.order(`web/deployments/${deployment}/${order}`),
    progress: (over: Partial<DeploymentProgress>) => h.store.setProgress(web, { id, ...over }),
  };
};

const wave = { name: 'w', of: null, promote: 'manual', bakeMinutes: 0 } as const;

describe('orders to a rollout', () => {
  it.each([
    ['pause', {}, { paused: true }],
    ['cancel', {}, { cancelled: true }],
    ['promote', { waves: [wave, wave, wave], open: 2 }, { promoted: 2 }],
    ['resume', { state: 'paused' }, { resumes: 1 }],
  ] as const)('%s is written down, and the actor woken', async (order, progress, orders) => {
    const r = await rollout();
    await r.progress(progress);
    const answer = await r.tell(order);
    expect(answer.status, answer.text).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ id: r.id, environmentName: 'web' });
    expect((await r.spec()).orders).toMatchObject(orders);
    expect(r.mailbox.sent).toEqual([r.woken]);
    expect((await r.call(`/v1/environments/web/deployments/${r.id}`)).text).toBe(answer.text);
  });

  it.each([
    ['pause', {}],
    ['cancel', {}],
    ['promote', { waves: [wave, wave], open: 1 }],
  ] as const)('%s once more changes nothing', async (order, progress) => {
    const r = await rollout();
    await r.progress(progress);
    const first = await r.tell(order);
    const before = await r.store.inventory();
    expect(await r.tell(order)).toMatchObject({ status: 200, text: first.text });
    expect(await r.store.inventory()).toEqual(before);
    expect(r.mailbox.sent).toHaveLength(1);
  });

  it('lists few hosts in its answer, which is remembered; the deployment lists them all', async () => {
    const r = await rollout();
    const hosts = Array.from({ length: 1_000 }, (_, n) => as<InstanceArn>(`${ARN}${n}`));
    const failedInstances = hosts.map((instance) => ({ instance, reason: 'no', attempts: 3 }));
    await r.progress({ failedInstances, deferredInstances: hosts });
    const path = `/v1/environments/web/deployments/${r.id}`;
    const pause = () => r.call(`${path}/pause`, { method: 'POST', headers: { 'Idempotency-Key': 'k' } });
    const first = await pause();
    expect(await pause()).toMatchObject({ status: 200, text: first.text });
    const shown = JSON.parse((await r.call(path)).text) as DeploymentWire;
    expect(shown.failures).toHaveLength(1_000);
    expect(JSON.parse(first.text)).toEqual({
      ...shown,
      failedInstances: shown.failedInstances.slice(0, ORDERED_HOSTS_MOST),
      failures: shown.failures.slice(0, ORDERED_HOSTS_MOST),
      deferredInstances: shown.deferredInstances.slice(0, ORDERED_HOSTS_MOST),
    });
    expect((await r.tell('pause')).text).toBe(first.text);
  });

  it('shows an order before it is heeded', async () => {
    const r = await rollout();
    await r.progress({});
    expect(JSON.parse((await r.tell('pause')).text)).toMatchObject({
      state: 'running',
      orders: { paused: true, promoted: 0, cancelled: false },
    });
    await r.progress({ state: 'paused' });
    expect(JSON.parse((await r.tell('pause')).text)).toMatchObject({ state: 'paused', status: 'running' });
    expect(JSON.parse((await r.tell('resume')).text)).not.toHaveProperty('orders');
    await r.progress({});
    expect(JSON.parse((await r.tell('resume')).text)).toMatchObject({ state: 'running' });
    expect((await r.spec()).orders).toEqual({ paused: false, resumes: 1, promoted: 0, cancelled: false });
  });

  it('reaches one that is pending', async () => {
    const r = await rollout();
    expect(JSON.parse((await r.tell('pause')).text)).toMatchObject({ state: 'pending', orders: { paused: true } });
    expect(await r.tell('promote')).toMatchObject({
      status: 400,
      text: `Deployment ${r.id} of environment web has no waves yet: its hosts are not known\n`,
    });
  });

  it.each(['pause', 'resume', 'promote', 'cancel'])('%s is refused when it is over', async (order) => {
    for (const state of ['completed', 'failed'] as const) {
      const r = await rollout();
      await r.progress({ state, endedAt: as<Instant>(1) });
      expect(await r.tell(order)).toMatchObject({
        status: 400,
        text: `Deployment ${r.id} of environment web is over: it is ${state}\n`,
      });
      expect(r.mailbox.sent).toEqual([]);
    }
  });

  it('promotes nothing when all waves are open', async () => {
    const r = await rollout();
    await r.progress({ waves: [wave], open: 1 });
    expect(await r.tell('promote')).toMatchObject({
      status: 400,
      text: `All waves of deployment ${r.id} of environment web are open\n`,
    });
  });

  it('cancels a cancelled one', async () => {
    const r = await rollout();
    await r.progress({ state: 'cancelled', endedAt: as<Instant>(1) });
    expect(JSON.parse((await r.tell('cancel')).text)).toMatchObject({ state: 'cancelled' });
  });

  it.each(['pause', 'resume', 'promote', 'cancel', 'rollback'])('%s is of the current deployment', async (order) => {
    const r = await rollout();
    await r.deploy('web', `${r.deploymentToken}&restart=true&supersede=true`);
    expect(await r.tell(order)).toMatchObject({
      status: 400,
      text: `Deployment ${r.id} is not the current deployment of environment web\n`,
    });
    const none = '11111111-2222-4333-8444-555555555555';
    expect(await r.tell(order, none)).toMatchObject({
      status: 404,
      text: `Deployment ${none} does not exist for environment web\n`,
    });
    await r.call('/v1/environments/web', { method: 'DELETE' });
    expect(await r.tell(order)).toMatchObject({ status: 404, text: 'Environment web does not exist\n' });
  });

  it('are forgotten by the next deployment', async () => {
    const r = await rollout();
    await r.tell('pause');
    await r.deploy('web', `${r.deploymentToken}&restart=true&supersede=true`);
    expect((await r.spec()).orders.paused).toBe(false);
  });
});

describe('orders to an environment', () => {
  it('freezes and thaws, also what was never deployed', async () => {
    const h = harness();
    await h.create('web');
    const { id } = await h.spec();
    h.mailbox.sent.length = 0;
    const frozen = await h.order('web/freeze');
    expect(JSON.parse(frozen.text)).toMatchObject({ name: 'web', frozen: true });
    expect((await h.call('/v1/environments/web')).text).toBe(frozen.text);
    expect((await h.order('web/freeze')).text).toBe(frozen.text);
    expect((await h.spec()).frozen).toBe(true);
    expect(JSON.parse((await h.order('web/thaw')).text)).not.toHaveProperty('frozen');
    expect((await h.order('web/thaw')).status).toBe(200);
    expect((await h.spec()).frozen).toBe(false);
    expect(h.mailbox.sent).toEqual([`wake ${id} deploy`, `wake ${id} deploy`]);
  });

  it.each(['freeze', 'thaw', `hosts/${HOST}/retry`, `hosts/${HOST}/exclude`, `hosts/${HOST}/include`, 'rollback'])(
    '%s is 404 while it is being deleted',
    async (order) => {
      const h = harness();
      await h.create('web');
      await h.call('/v1/environments/web', { method: 'DELETE' });
      expect(await h.order(`web/${order}`)).toMatchObject({ status: 404, text: 'Environment web does not exist\n' });
    },
  );
});

describe('orders to a host', () => {
  it('excludes and includes it, by id or ARN', async () => {
    const h = harness();
    await h.create('web');
    const excluded = await h.order(`web/hosts/${HOST}/exclude`);
    expect(JSON.parse(excluded.text)).toMatchObject({ excluded: [ARN] });
    const again = await h.order(`web/hosts/${encodeURIComponent(ARN)}/exclude`);
    expect(again).toMatchObject({ status: 200, text: excluded.text });
    expect((await h.spec()).excluded).toEqual([ARN]);
    expect(JSON.parse((await h.order(`web/hosts/${encodeURIComponent(ARN)}/include`)).text)).not.toHaveProperty(
      'excluded',
    );
    expect((await h.order(`web/hosts/${HOST}/include`)).status).toBe(200);
    expect((await h.spec()).excluded).toEqual([]);
  });

  it('takes an ARN without a cluster, and none of another cluster or account', async () => {
    const h = harness();
    await h.create('web');
    const short = `${ACCOUNT}:container-instance/${HOST}`;
    expect((await h.order(`web/hosts/${encodeURIComponent(short)}/exclude`)).status).toBe(200);
    expect((await h.spec()).excluded).toEqual([short]);
    for (const arn of [
      `${ACCOUNT}:container-instance/c2/${HOST}`,
      `${ACCOUNT}:container-instance/c1/x/${HOST}`,
      `${ACCOUNT}:task/c1/${HOST}`,
      `arn:aws:ecs:us-east-1:000000000000:container-instance/c1/${HOST}`,
    ]) {
      expect(await h.order(`web/hosts/${encodeURIComponent(arn)}/exclude`)).toMatchObject({
        status: 400,
        text: `Host ${arn} is not of cluster ${ACCOUNT}:cluster/c1\n`,
      });
    }
  });

  it('excludes so many and no more', async () => {
    const h = harness();
    await h.create('web');
    for (let n = 0; n < EXCLUDED_MOST; n += 1) expect((await h.order(`web/hosts/h${n}/exclude`)).status).toBe(200);
    expect(await h.order('web/hosts/more/exclude')).toMatchObject({
      status: 400,
      text: 'Environment web excludes 500 hosts already; leave out more by the query of its instanceGroup\n',
    });
    expect((await h.order('web/hosts/h7/exclude')).status).toBe(200);
  });

  it('retries it each time, but once for one Idempotency-Key', async () => {
    const h = harness();
    await h.create('web');
    const { id } = await h.spec();
    h.mailbox.sent.length = 0;
    const retry = (key: string) =>
      h.call(`/v1/environments/web/hosts/${HOST}/retry`, { method: 'POST', headers: { 'Idempotency-Key': key } });
    for (const key of ['a', 'b', 'a']) expect((await retry(key)).status).toBe(200);
    expect((await h.spec()).retries).toEqual([{ instance: ARN, count: 2 }]);
    expect(h.mailbox.sent).toEqual([`wake ${id} deploy`, `wake ${id} deploy`]);
  });
});
