import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, Instant } from '../../src/domain/ids.ts';
import { ACCOUNT, harness } from './harness.ts';

const web = as<EnvironmentName>('web');

/** daemon:1 completed, then daemon:2 under way. */
const updated = async () => {
  const h = harness();
  const { deploymentToken } = await h.create('web');
  const one = (await h.spec()).revision;
  const first = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
  await h.store.setProgress(web, { id: first.id, state: 'completed', endedAt: as<Instant>(1) });
  const token = h.token(await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' }));
  const two = (await h.spec()).revision;
  const second = JSON.parse((await h.deploy('web', token)).text) as { id: DeploymentId };
  await h.store.setProgress(web, { id: second.id });
  h.mailbox.sent.length = 0;
  return { ...h, one, two, first, second, deployedWith: token };
};

describe('rolling back', () => {
  it.each(['running', 'completed', 'cancelled'] as const)(
    'a deployment that is %s deploys what was completed before',
    async (state) => {
      const h = await updated();
      await h.store.setProgress(web, { id: h.second.id, state });
      const answer = await h.order(`web/deployments/${h.second.id}/rollback`);
      expect(answer.status, answer.text).toBe(200);
      const made = JSON.parse(answer.text) as { id: DeploymentId };
      expect(made).toMatchObject({
        kind: 'rollback',
        rollsBack: h.second.id,
        revision: h.one.id,
        taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
        state: 'pending',
      });
      const spec = await h.spec();
      expect(spec).toMatchObject({ target: made.id, revision: h.one });
      expect(spec.deploymentToken).not.toBe(h.deployedWith);
      expect(h.mailbox.sent).toEqual([`wake ${spec.id} deploy`]);
      expect((await h.call(`/v1/environments/web/deployments/${made.id}`)).text).toBe(answer.text);
      await h.store.setProgress(web, { id: made.id });
      expect(JSON.parse((await h.call(`/v1/environments/web/deployments/${made.id}`)).text)).toMatchObject({
        state: 'rolling-back',
        status: 'running',
      });
      expect(JSON.parse((await h.call('/v1/environments/web')).text)).toMatchObject({
        taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
      });
    },
  );

  it('an environment goes to the revision that is named, or to the last completed', async () => {
    const named = await updated();
    await named.store.setProgress(web, { id: named.second.id, state: 'completed' });
    await named.patch('web', named.deployedWith, { taskDefinition: 'checked:1' });
    const { revision } = await named.spec();
    for (const to of [named.one.id, revision.id, named.two.id, named.two.id]) {
      const answer = await named.order('web/rollback', { to });
      expect(JSON.parse(answer.text)).toMatchObject({ revision: to, kind: 'rollback' });
      expect((await named.spec()).revision.id).toBe(to);
    }
    expect((await named.store.read(web))?.revisions.size).toBe(3);

    for (const body of [undefined, {}, { to: null }]) {
      const h = await updated();
      expect(JSON.parse((await h.order('web/rollback', body)).text)).toMatchObject({ revision: h.one.id });
    }
  });

  it('is refused when there is nowhere to go', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    expect(await h.order('web/rollback')).toMatchObject({
      status: 400,
      text: 'Environment web was never deployed, so there is nothing to roll back\n',
    });
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: string };
    const before = await h.store.inventory();
    for (const path of ['web/rollback', `web/deployments/${id}/rollback`]) {
      expect(await h.order(path)).toMatchObject({
        status: 400,
        text: 'No earlier deployment of environment web was completed, so there is nothing to roll back to\n',
      });
    }
    const to = '0123456789abcdef';
    expect(await h.order('web/rollback', { to })).toMatchObject({
      status: 404,
      text: `Revision ${to} does not exist for environment web\n`,
    });
    expect(await h.store.inventory()).toEqual(before);
  });

  it.each([
    ['{"to":"x"}', "to in body should match '^[0-9a-f]{16}$'"],
    ['{"to":5}', 'to in body must be of type string'],
    ['{"too":null}', 'too in body is not a known field'],
    ['{"to":', 'body must be a JSON object'],
    ['[]', 'body must be a JSON object'],
  ])('refuses the body %s', async (body, line) => {
    const h = await updated();
    expect(await h.call('/v1/environments/web/rollback', { method: 'POST', body })).toMatchObject({
      status: 400,
      text: `validation failure list:\n${line}\n`,
    });
    expect(h.mailbox.sent).toEqual([]);
  });

  it('happens once for one Idempotency-Key', async () => {
    const h = await updated();
    const call = () => h.call('/v1/environments/web/rollback', { method: 'POST', headers: { 'Idempotency-Key': 'k' } });
    const first = await call();
    expect(await call()).toMatchObject({ status: 200, text: first.text });
    expect((await h.store.read(web))?.deployments.size).toBe(3);
  });
});
