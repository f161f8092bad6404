import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { EnvironmentName } from '../../src/domain/ids.ts';
import { API_LIMITS } from '../../src/api/limits.ts';
import { ACCOUNT, fakeEcs, harness } from './harness.ts';

const web = as<EnvironmentName>('web');
const network = { awsvpcConfiguration: { subnets: ['subnet-1'] } };

const patch = (h: ReturnType<typeof harness>, body: string, headers: Record<string, string> = {}) =>
  h.call('/v1/environments/web', { method: 'PATCH', body, headers });

describe('an update', () => {
  it('makes a revision and a token, and moves nothing', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const before = await h.spec();
    const sent = h.mailbox.sent.length;
    const answer = await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      name: 'web',
      taskDefinition: `${ACCOUNT}:task-definition/daemon:2`,
    });
    const after = await h.spec();
    expect(after.deploymentToken).not.toBe(deploymentToken);
    expect(after.revision.id).not.toBe(before.revision.id);
    expect(after.revision.template).not.toBe(before.revision.template);
    expect(after.target).toBeNull();
    expect(h.mailbox.sent).toHaveLength(sent);
    expect((await h.call('/v1/environments/web')).text).toBe(answer.text);
    const record = await h.store.read(web);
    expect([...(record?.revisions.keys() ?? [])]).toEqual([before.revision.id, after.revision.id]);
    expect((await h.deploy('web', deploymentToken)).status).toBe(400);
    expect((await h.deploy('web', after.deploymentToken)).status).toBe(200);
  });

  it('changes what it names and nothing else', async () => {
    const h = harness();
    await h.create('other');
    const { deploymentToken } = await h.create('web', {
      taskDefinition: 'vpc',
      networkConfiguration: network,
      deploymentConfiguration: { maxUnavailable: 5, minReadySeconds: 10 },
      instanceGroup: { cluster: 'c1', query: 'attribute:zone == a' },
    });
    const { revision, ...rest } = await h.spec();
    let token = deploymentToken;
    const change = async (body: object) => {
      const answer = await h.patch('web', token, body);
      expect(answer.status, answer.text).toBe(200);
      token = h.token(answer);
      const { revision: now, ...others } = await h.spec();
      expect(others).toEqual({
        ...rest,
        ...Object.fromEntries(Object.keys(rest).map((key) => [key, Reflect.get(others, key)])),
      });
      return { revision: now, ...others };
    };
    const same = { ...revision, id: expect.any(String), createdAt: expect.any(Number) };
    expect((await change({})).revision).toEqual(revision);
    expect((await change({ instanceGroup: { query: null } })).revision).toEqual({ ...same, query: null });
    expect((await change({ instanceGroup: { cluster: 'c1' } })).revision).toEqual({ ...same, query: null });
    expect((await change({ deploymentConfiguration: { minReadySeconds: 20 } })).revision).toEqual({
      ...same,
      query: null,
      configuration: { ...revision.configuration, minReadySeconds: 20 },
    });
    expect((await change({ deploymentConfiguration: { maxUnavailable: null } })).revision.configuration).toEqual({
      ...revision.configuration,
      minReadySeconds: 20,
      maxUnavailable: '10%',
    });
    expect((await change({ deploymentConfiguration: null })).revision.configuration).toMatchObject({
      minReadySeconds: 0,
    });
    expect(await change({ required: true, drainAfter: ['other'], adopt: { family: 'f' } })).toMatchObject({
      required: true,
      drainAfter: ['other'],
      adopt: { kind: 'family', value: 'f' },
    });
    expect(await change({ required: null, drainAfter: null })).toMatchObject({
      required: false,
      drainAfter: [],
      adopt: { kind: 'family', value: 'f' },
    });
    expect(await change({ adopt: null })).toMatchObject({ adopt: null });
    expect((await change({ taskDefinition: 'daemon', networkConfiguration: null })).revision).toMatchObject({
      taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
      networkConfiguration: null,
    });
    expect((await change({ taskDefinition: 'checked:1' })).revision.healthCheck).toBe(true);
    expect((await change({ required: true })).revision.healthCheck).toBe(true);
  });

  it('wakes the actor for what holds at once', async () => {
    const h = harness();
    await h.create('other');
    let { deploymentToken } = await h.create('web');
    const { id } = await h.spec();
    for (const [body, woken] of [
      [{ deploymentConfiguration: { maxUnavailable: 1 } }, 0],
      [{ required: true }, 1],
      [{ required: true }, 0],
      [{ drainAfter: ['other'] }, 1],
      [{ adopt: { family: 'a' } }, 1],
      [{ adopt: { service: 'a' } }, 1],
      [{ adopt: { service: 'b' } }, 1],
    ] as const) {
      h.mailbox.sent.length = 0;
      deploymentToken = h.token(await h.patch('web', deploymentToken, body));
      expect(h.mailbox.sent, JSON.stringify(body)).toEqual(Array.from({ length: woken }, () => `wake ${id} deploy`));
    }
  });

  it('of equal content is the same revision, with the age it has', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { revision } = await h.spec();
    const second = await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' });
    const third = await h.patch('web', h.token(second), { taskDefinition: 'daemon:1' });
    expect(new Set([deploymentToken, h.token(second), h.token(third)]).size).toBe(3);
    expect((await h.spec()).revision).toEqual(revision);
    expect((await h.store.read(web))?.revisions.size).toBe(2);
  });

  it.each([
    ['a task definition that is not there', { taskDefinition: 'notd' }, 404],
    ['an INACTIVE task definition', { taskDefinition: 'oldtd:1' }, 404],
    ['awsvpc without networkConfiguration', { taskDefinition: 'vpc' }, 400],
    ['a networkConfiguration for another mode', { networkConfiguration: network }, 400],
    ['another cluster', { instanceGroup: { cluster: 'c2' } }, 400],
    [
      'the same name in another account',
      { instanceGroup: { cluster: 'arn:aws:ecs:us-east-1:000000000000:cluster/c1' } },
      400,
    ],
    ['a member that is not there', { taskDefintion: 'daemon:2' }, 400],
    ['a member that cannot change', { name: 'other' }, 400],
    ['no task definition', { taskDefinition: null }, 400],
    ['no instance group', { instanceGroup: null }, 400],
  ])('is refused for %s, and changes nothing', async (_, body, status) => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const before = await h.store.inventory();
    expect((await h.patch('web', deploymentToken, body)).status).toBe(status);
    expect(await h.store.inventory()).toEqual(before);
  });

  it('is refused when networkConfiguration goes from under awsvpc', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web', { taskDefinition: 'vpc', networkConfiguration: network });
    expect(await h.patch('web', deploymentToken, { networkConfiguration: null })).toMatchObject({
      status: 400,
      text: expect.stringContaining('networkConfiguration in body is required'),
    });
  });

  it('asks ECS for nothing that it does not change', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const ecs = { resolveCluster: never, resolveTaskDefinition: never };
    Object.assign(h.deps, { ecs });
    expect((await h.patch('web', deploymentToken, { required: true })).status).toBe(200);
  });

  it('says that nothing was changed when ECS is slow or throttles', async () => {
    for (const [resolution, status, words] of [
      [{ kind: 'timeout' }, 504, 'ECS did not answer in time; nothing was changed\n'],
      [
        { kind: 'throttled', fault: { code: 'ThrottlingException', message: 'Rate exceeded' } },
        503,
        'Rate exceeded; nothing was changed, try again\n',
      ],
    ] as const) {
      const h = harness();
      const { deploymentToken } = await h.create('web');
      Object.assign(h.deps, { ecs: { ...fakeEcs, resolveTaskDefinition: () => Promise.resolve(resolution) } });
      const answer = await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' });
      expect(answer).toMatchObject({ status, text: expect.stringContaining(words) });
    }
  });

  it.each(['[]', 'null', '5', '{"required":true', '"x"'])('takes no %s for nothing to change', async (body) => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    expect(await patch(h, body, { 'If-Match': deploymentToken })).toMatchObject({
      status: 400,
      text: 'validation failure list:\nbody must be a JSON object\n',
    });
  });

  it('without a body gives a new token', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const answer = await patch(h, '', { 'If-Match': deploymentToken });
    expect(answer.status).toBe(200);
    expect(h.token(answer)).not.toBe(deploymentToken);
  });

  it('has a body of bounded length', async () => {
    const h = harness();
    expect((await patch(h, ' '.repeat(API_LIMITS.bodyBytes + 1))).status).toBe(413);
  });
});

const never = (): never => {
  throw new Error('not to be asked');
};
