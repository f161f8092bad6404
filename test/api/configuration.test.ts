import { describe, expect, it } from 'vitest';
import { ACCOUNT, environmentBody, harness, neighbours } from './harness.ts';

describe('a configuration', () => {
  const whole = {
    maxUnavailable: 25,
    order: 'stop-then-start',
    waves: [
      { canary: 5, promote: 'manual', bakeMinutes: 10 },
      { canary: '1%', promote: 'auto', bakeMinutes: 0 },
      { by: 'ecs.availability-zone', promote: 'auto', bakeMinutes: 1440 },
    ],
    minReadySeconds: 30,
    failures: '50%',
    waveDeadlineMinutes: 60,
    alarms: ['errors'],
    rollback: 'pause',
  };

  it('is stored and shown as it was given, and a wave with its defaults', async () => {
    const h = harness();
    const given = {
      ...whole,
      waves: [whole.waves[0], { canary: '1%' }, { by: 'ecs.availability-zone', bakeMinutes: 1440 }],
    };
    const made = await h.post('/v1/environments', environmentBody({ deploymentConfiguration: given }));
    expect(JSON.parse(made.text)).toMatchObject({ deploymentConfiguration: whole });
    expect((await h.spec()).revision.configuration).toEqual({
      maxUnavailable: 25,
      waves: [
        { of: { kind: 'canary', hosts: 5 }, promote: 'manual', bakeMinutes: 10 },
        { of: { kind: 'canary', hosts: '1%' }, promote: 'auto', bakeMinutes: 0 },
        { of: { kind: 'attribute', name: 'ecs.availability-zone' }, promote: 'auto', bakeMinutes: 1440 },
      ],
      minReadySeconds: 30,
      failures: '50%',
      waveDeadlineMinutes: 60,
      alarms: ['errors'],
      rollback: 'pause',
    });
    expect((await h.call('/v1/environments/web')).text).toBe(made.text);
  });

  it('means the same when what is shown is sent back', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web', { deploymentConfiguration: whole });
    const { revision } = await h.spec();
    const { deploymentConfiguration } = JSON.parse((await h.call('/v1/environments/web')).text) as {
      deploymentConfiguration: object;
    };
    await h.patch('web', deploymentToken, { deploymentConfiguration });
    expect((await h.spec()).revision).toEqual(revision);
  });

  it('is the default where it is null or left out', async () => {
    const h = harness();
    await h.create('a');
    await h.create('b', { deploymentConfiguration: null, instanceGroup: { cluster: 'c1', query: null } });
    const nulls = Object.fromEntries(Object.keys(whole).map((member) => [member, null]));
    await h.create('c', { deploymentConfiguration: nulls, adopt: null, drainAfter: null, required: null });
    const ids = await Promise.all(['a', 'b', 'c'].map(async (name) => (await h.spec(name)).revision.id));
    expect(new Set(ids).size).toBe(1);
    expect(await h.spec('c')).toMatchObject({ adopt: null, drainAfter: [], required: false });
  });

  it.each([
    ['maxUnavailable', [1, 10_000, '1%', '100%']],
    ['failures', [3, 200, '1%', '100%']],
    ['minReadySeconds', [0, 3600]],
    ['waveDeadlineMinutes', [1, 10_080]],
  ] as const)('takes %s to its bounds', async (member, values) => {
    for (const value of values) {
      const h = harness();
      const made = await h.post('/v1/environments', environmentBody({ deploymentConfiguration: { [member]: value } }));
      expect(JSON.parse(made.text)).toMatchObject({ deploymentConfiguration: { [member]: value } });
    }
  });
});

describe('the rest of an environment', () => {
  it('is stored and shown where it is set', async () => {
    const h = await neighbours();
    const over = {
      adopt: { startedBy: 'ecs-svc/1' },
      drainAfter: ['other'],
      required: true,
      instanceGroup: { cluster: 'c1', query: 'attribute:zone == a' },
    };
    const made = await h.post('/v1/environments', environmentBody(over));
    expect(JSON.parse(made.text)).toMatchObject({
      ...over,
      instanceGroup: { cluster: `${ACCOUNT}:cluster/c1`, query: 'attribute:zone == a' },
    });
    expect(await h.spec()).toMatchObject({
      adopt: { kind: 'startedBy', value: 'ecs-svc/1' },
      drainAfter: ['other'],
      required: true,
      revision: { query: 'attribute:zone == a' },
    });
  });

  it('knows from the task definition whether there is a health check', async () => {
    const h = harness();
    await h.create('web', { taskDefinition: 'checked:1' });
    expect((await h.spec()).revision.healthCheck).toBe(true);
  });

  it('may close no circle of drains', async () => {
    const h = await neighbours();
    const a = await h.create('a', { drainAfter: ['other'] });
    const b = await h.create('b', { drainAfter: ['a'] });
    expect(await h.patch('a', a.deploymentToken, { drainAfter: ['other', 'b'] })).toMatchObject({
      status: 400,
      text: 'validation failure list:\ndrainAfter in body makes a cycle: a after b after a\n',
    });
    expect((await h.patch('b', b.deploymentToken, { drainAfter: ['other'] })).status).toBe(200);
    expect((await h.patch('a', a.deploymentToken, { drainAfter: ['other', 'b'] })).status).toBe(200);
  });

  it('may name no environment that is being deleted', async () => {
    const h = await neighbours();
    await h.call('/v1/environments/other', { method: 'DELETE' });
    expect((await h.post('/v1/environments', environmentBody({ drainAfter: ['other'] }))).status).toBe(400);
  });
});
