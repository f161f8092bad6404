import { describe, expect, it } from 'vitest';
import { environmentBody, fakeEcs, harness } from './harness.ts';

const key = (value: string) => ({ 'Idempotency-Key': value });

describe('Idempotency-Key', () => {
  it('gives the same answer again, and says so, without a second effect', async () => {
    const h = harness();
    const first = await h.post('/v1/environments', environmentBody(), key('k'));
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const again = await h.post('/v1/environments', environmentBody(), key('k'));
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(h.mailbox.sent).toHaveLength(1);
  });

  it('asks ECS nothing for an answer that is remembered', async () => {
    let asked = 0;
    const h = harness({
      ecs: {
        ...fakeEcs,
        resolveCluster: (given, signal) => {
          asked += 1;
          return fakeEcs.resolveCluster(given, signal);
        },
      },
    });
    await h.post('/v1/environments', environmentBody(), key('k'));
    await h.post('/v1/environments', environmentBody(), key('k'));
    expect(asked).toBe(1);
  });

  it('remembers a deployment, whose request is its query', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const first = await h.deploy('web', deploymentToken, key('k'));
    expect(first.status).toBe(200);
    expect(await h.deploy('web', deploymentToken, key('k'))).toMatchObject({ status: 200, text: first.text });
    expect((await h.deploy('web', 'aaaaaaaa-0000-4000-8000-000000000000', key('k'))).status).toBe(422);
    expect((await h.deploy('web', deploymentToken)).status).toBe(400);
  });

  it('is 422 with another body, good or not', async () => {
    const h = harness();
    await h.post('/v1/environments', environmentBody(), key('k'));
    for (const body of [environmentBody({ name: 'web2' }), {}]) {
      expect(await h.post('/v1/environments', body, key('k'))).toMatchObject({
        status: 422,
        text: 'Idempotency-Key in header was used before with another request\n',
      });
    }
    expect(await h.store.names()).toHaveLength(1);
  });

  it('is of one method and path: elsewhere the same key is another', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const other = await h.create('web2');
    expect((await h.post('/v1/environments', environmentBody({ name: 'web3' }), key('k'))).status).toBe(200);
    expect((await h.deploy('web', deploymentToken, key('k'))).status).toBe(200);
    expect((await h.deploy('web2', other.deploymentToken, key('k'))).status).toBe(200);
  });

  it('remembers no refusal: it changed nothing', async () => {
    const h = harness();
    const bad = environmentBody({ taskDefinition: 'notd' });
    expect((await h.post('/v1/environments', bad, key('k'))).status).toBe(404);
    expect((await h.post('/v1/environments', environmentBody(), key('k'))).status).toBe(200);
  });

  it('makes one effect of concurrent duplicates, and all get its answer', async () => {
    const h = harness();
    const post = () => h.post('/v1/environments', environmentBody(), key('k'));
    const answers = await Promise.all([post(), post(), post()]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(2);
    expect(h.mailbox.sent).toHaveLength(1);

    const { deploymentToken } = JSON.parse(answers[0].text) as { deploymentToken: string };
    const deploy = () => h.deploy('web', deploymentToken, key('k'));
    const deployed = await Promise.all([deploy(), deploy(), deploy()]);
    expect(deployed.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(deployed.map(({ text }) => text)).size).toBe(1);
  });

  it('gives the answer also when the duplicate was told that the name is taken', async () => {
    const h = harness();
    const create = h.store.create.bind(h.store);
    h.store.create = async (spec, remember) => {
      h.store.create = create;
      await create(spec, remember);
      return { kind: 'exists' };
    };
    const answer = await h.post('/v1/environments', environmentBody(), key('k'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('idempotency-replayed')).toBe('true');
  });

  it('tells two duplicates with different bodies apart', async () => {
    const h = harness();
    const answers = await Promise.all([
      h.post('/v1/environments', environmentBody({ name: 'a' }), key('k')),
      h.post('/v1/environments', environmentBody({ name: 'b' }), key('k')),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 422]);
    expect(await h.store.names()).toHaveLength(1);
  });

  it.each(['', 'a b', 'é', 'x'.repeat(256)])('must be 1 to 255 visible ASCII characters: %.10j', async (value) => {
    const h = harness();
    expect(await h.post('/v1/environments', environmentBody(), key(value))).toMatchObject({
      status: 400,
      text: 'Idempotency-Key in header should be 1 to 255 visible ASCII characters\n',
    });
    expect(await h.store.names()).toHaveLength(0);
  });

  it('may be 255 characters long, and is stored hashed', async () => {
    const h = harness();
    const create = h.store.create.bind(h.store);
    const keys: unknown[] = [];
    h.store.create = (spec, remember) => {
      keys.push(remember?.key);
      return create(spec, remember);
    };
    expect((await h.post('/v1/environments', environmentBody(), key('~'.repeat(255)))).status).toBe(200);
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });
});
