import { describe, expect, it } from 'vitest';
import { harness } from './harness.ts';

const OTHER = '11111111-2222-4333-8444-555555555555';
const OUTDATED = `Token '${OTHER}' is outdated and does not match the environment token; GET the environment for that\n`;

const patch = (h: ReturnType<typeof harness>, body: string, headers: Record<string, string> = {}) =>
  h.call('/v1/environments/web', { method: 'PATCH', body, headers });

describe('the token of an update', () => {
  it('is the ETag of the environment', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { headers } = await h.call('/v1/environments/web');
    expect(headers.get('etag')).toBe(`"${deploymentToken}"`);
    expect((await patch(h, '{}', { 'If-Match': headers.get('etag') ?? '' })).status).toBe(200);
  });

  it('is shown in the header or in the body', async () => {
    const h = harness();
    const { deploymentToken: first } = await h.create('web');
    const second = h.token(await patch(h, '{}', { 'If-Match': first }));
    const third = h.token(await patch(h, JSON.stringify({ deploymentToken: second })));
    const both = await patch(h, JSON.stringify({ deploymentToken: third }), { 'If-Match': `"${third}"` });
    expect(both.status).toBe(200);
  });

  it.each([
    ['none', {}, {}, 400, 'deploymentToken in body is required, or If-Match in header\n'],
    ['*', {}, { 'If-Match': '*' }, 400, /^If-Match in header should be a deploymentToken/],
    ['a weak one', {}, { 'If-Match': `W/"${OTHER}"` }, 400, /^If-Match in header should be a deploymentToken/],
    ['a list', {}, { 'If-Match': `"${OTHER}", "${OTHER}"` }, 400, /^If-Match in header should be a deploymentToken/],
    ['an outdated one in the header', {}, { 'If-Match': OTHER }, 412, OUTDATED],
    ['an outdated one in the body', { deploymentToken: OTHER }, {}, 400, OUTDATED],
    ['an outdated one in both', { deploymentToken: OTHER }, { 'If-Match': OTHER }, 412, OUTDATED],
    ['a malformed one in the body', { deploymentToken: 'x' }, {}, 400, /deploymentToken in body should match/],
    [
      'different ones',
      { deploymentToken: OTHER },
      { 'If-Match': `"${OTHER.replace('1', '2')}"` },
      400,
      'deploymentToken in body and If-Match in header should be the same\n',
    ],
  ] as const)('is refused when it is %s', async (_, body, headers, status, text) => {
    const h = harness();
    await h.create('web');
    const before = await h.store.inventory();
    const answer = await patch(h, JSON.stringify(body), headers);
    expect(answer).toMatchObject({ status, text: typeof text === 'string' ? text : expect.stringMatching(text) });
    expect(await h.store.inventory()).toEqual(before);
  });

  it('of no environment, or of one on its way out, is 404', async () => {
    const h = harness();
    expect(await patch(h, '{}', { 'If-Match': OTHER })).toMatchObject({
      status: 404,
      text: 'Environment web does not exist\n',
    });
    const { deploymentToken } = await h.create('web');
    await h.call('/v1/environments/web', { method: 'DELETE' });
    expect((await patch(h, '{}', { 'If-Match': deploymentToken })).status).toBe(404);
  });

  it('lets one of two updates at the same time through', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const answers = await Promise.all([
      h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' }),
      h.patch('web', deploymentToken, { taskDefinition: 'checked:1' }),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
  });

  it('is looked at again when the spec changed in between; a freeze is no reason to refuse', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const update = h.store.update.bind(h.store);
    h.store.update = async (...args) => {
      h.store.update = update;
      await h.order('web/freeze');
      return update(...args);
    };
    expect((await h.patch('web', deploymentToken, { taskDefinition: 'daemon:2' })).status).toBe(200);
    expect(await h.spec()).toMatchObject({ frozen: true, revision: { taskDefinition: expect.stringMatching(/:2$/) } });
  });
});

describe('Idempotency-Key of an update', () => {
  it('gives the same answer again, though the token has changed since', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const headers = { 'If-Match': deploymentToken, 'Idempotency-Key': 'k' };
    const first = await patch(h, '{"required":true}', headers);
    const again = await patch(h, '{"required":true}', headers);
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await patch(h, '{"required":false}', headers)).status).toBe(422);
    expect((await patch(h, '{"required":true}', { ...headers, 'If-Match': OTHER })).status).toBe(422);
  });
});
