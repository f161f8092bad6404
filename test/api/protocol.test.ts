/** What holds for every route: ids, logs, limits, time, error forms, paths. */
import { describe, expect, it } from 'vitest';
import { API_LIMITS } from '../../src/api/limits.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError, UnreadableValueError } from '../../src/store/store.ts';
import { environmentBody, harness } from './harness.ts';

const REQUEST_ID = 'x-request-id';
const never = (): Promise<never> => new Promise(() => {});

describe('request ids and logs', () => {
  it('takes over a sane id, and makes one otherwise', async () => {
    const h = harness();
    const given = await h.call('/v1/ping', { headers: { 'X-Request-Id': 'abc-1.2' } });
    expect(given.headers.get(REQUEST_ID)).toBe('abc-1.2');
    for (const odd of ['a b', '"', 'x'.repeat(129)]) {
      const made = await h.call('/v1/nope', { headers: { 'X-Request-Id': odd } });
      expect(made.headers.get(REQUEST_ID)).toMatch(/^abcdef00-/);
    }
  });

  it('writes one line a request, without bodies or queries', async () => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    h.logged.length = 0;
    await h.deploy('web', deploymentToken, { 'X-Request-Id': 'r-1', 'Idempotency-Key': 'secret' });
    expect(h.logged).toMatchObject([
      {
        level: 30,
        requestId: 'r-1',
        method: 'POST',
        route: '/v1/environments/:name/deployments',
        path: '/v1/environments/web/deployments',
        status: 200,
        ms: expect.any(Number),
        msg: 'request',
      },
    ]);
    expect(JSON.stringify(h.logged)).not.toMatch(new RegExp(`${deploymentToken}|secret|taskDefinition`));
  });

  it('shortens a path that is too long for a line', async () => {
    const h = harness();
    await h.call(`/v1/environments/${'x'.repeat(5_000)}`);
    expect(h.logged).toMatchObject([{ status: 404, path: `/v1/environments/${'x'.repeat(183)}` }]);
  });

  it('shows a fault to the log with its stack, and to the caller with nothing but the request id', async () => {
    const h = harness();
    h.store.current = () => Promise.reject(new Error('a bug at /secret/path'));
    const answer = await h.call('/v1/environments/web', { headers: { 'X-Request-Id': 'r-1' } });
    expect(answer).toMatchObject({
      status: 500,
      text: 'Internal error; the log tells more under request id r-1\n',
    });
    expect(h.logged).toMatchObject([
      { level: 50, requestId: 'r-1', err: { message: 'a bug at /secret/path', stack: expect.stringContaining('at ') } },
      { level: 40, requestId: 'r-1', status: 500 },
    ]);
  });
});

describe('problem documents', () => {
  it.each([
    ['application/problem+json', true],
    ['text/html, application/PROBLEM+json;q=0.5', true],
    ['application/problem+json;q=0', false],
    ['*/*', false],
    ['application/*', false],
    ['application/json', false],
  ])('Accept: %s', async (accept, problem) => {
    const h = harness();
    const answer = await h.call('/v1/environments/web', { headers: { Accept: accept, 'X-Request-Id': 'r-1' } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('vary')).toBe('Accept');
    if (!problem) {
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      return;
    }
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.text)).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Environment web does not exist',
      requestId: 'r-1',
    });
  });

  it('lists faults one by one, and covers the router', async () => {
    const h = harness();
    const headers = { Accept: 'application/problem+json' };
    expect(JSON.parse((await h.post('/v1/environments', { name: 'x' }, headers)).text)).toMatchObject({
      detail: 'validation failure list:',
      errors: [{ detail: 'instanceGroup in body is required' }, { detail: 'taskDefinition in body is required' }],
    });
    expect(JSON.parse((await h.call('/nope', { headers })).text)).toMatchObject({ detail: '404 page not found' });
  });
});

describe('methods and paths', () => {
  it('HEAD is GET without the body', async () => {
    const h = harness();
    await h.create('web');
    for (const [path, status] of [
      ['/v1/environments/web', 200],
      ['/v1/environments', 200],
      ['/v1/environments/none', 404],
      ['/v1/ping/', 301],
      ['/healthz', 200],
    ] as const) {
      const head = await h.call(path, { method: 'HEAD' });
      expect(head).toMatchObject({ status, text: '' });
      expect(head.headers.get('content-type')).toBe((await h.call(path)).headers.get('content-type'));
    }
  });

  it.each([
    ['/v1//environments///web?x=1&y=%20', '/v1/environments/web?x=1&y=%20'],
    ['//evil.example/v1', '/evil.example/v1'],
    ['///', '/'],
  ])('%s goes to %s', async (path, location) => {
    const h = harness();
    const answer = await h.app.request(`http://localhost${path}`);
    expect(answer.status).toBe(301);
    expect(answer.headers.get('location')).toBe(location);
  });

  it('sees dot segments in the target as it came over the wire', async () => {
    const h = harness();
    for (const [rawTarget, location] of [
      ['/v1/%2e%2E/v1/ping?q', '/v1/ping?q'],
      ['/..//../x/.', '/x/'],
      // A URL takes a backslash for a slash, and two of them at its beginning for a host.
      ['/..\\/evil.example/x//y', '/evil.example/x/y'],
      ['/\\evil.example/x//y', '/evil.example/x/y'],
      ['/.\\\\evil.example:99999/x//y', '/evil.example:99999/x/y'],
      ['/\\[/x//y', '/[/x/y'],
      ['http://other.example/v1/../v1/ping', null],
    ] as const) {
      const answer = await h.app.request('/v1/ping', {}, { incoming: { url: rawTarget, headers: {} } });
      expect(answer.headers.get('location'), rawTarget).toBe(location);
    }
  });

  it('answers odd encodings with 404', async () => {
    const h = harness();
    for (const name of ['%', '%zz', '%E0%A4%A', '%00', '%0A', '%ff', '..%2f..', '%C3%A4']) {
      expect((await h.call(`/v1/environments/${name}`)).status, name).toBe(404);
    }
  });
});

describe('the length of a body', () => {
  const long = 'x'.repeat(2 * 1024 * 1024);

  it.each([
    ['as a whole', () => ({ body: long })],
    ['with its length told', () => ({ body: long, headers: { 'Content-Length': `${long.length}` } })],
    ['in chunks of unknown number', () => ({ body: new Blob([long]).stream() })],
  ])('413 when 2 MB come %s', async (_, call) => {
    const h = harness();
    for (const path of ['/v1/environments', '/v1/environments/web/deployments']) {
      expect(await h.call(path, { method: 'POST', ...call() })).toMatchObject({
        status: 413,
        text: 'The body is longer than 1048576 bytes\n',
      });
    }
    expect(await h.store.names()).toHaveLength(0);
  });

  it('lets the longest allowed pass', async () => {
    const h = harness();
    const body = JSON.stringify(environmentBody());
    const padded = body + ' '.repeat(API_LIMITS.bodyBytes - body.length);
    expect((await h.call('/v1/environments', { method: 'POST', body: padded })).status).toBe(200);
    expect((await h.call('/v1/environments', { method: 'POST', body: `${padded} ` })).status).toBe(413);
  });
});

describe('when the store does not answer', () => {
  const down = () => Promise.reject(new StoreUnavailableError('etcd at http://127.0.0.1:2379 did not answer in 3 s'));

  it('says so with 503 and Retry-After', async () => {
    const h = harness();
    h.store.current = down;
    h.store.read = down;
    h.store.create = down;
    h.store.recall = down;
    const reason = 'The store is not available: etcd at http://127.0.0.1:2379 did not answer in 3 s';
    const calls = [
      [h.call('/v1/environments'), ''],
      [h.call('/v1/environments/web/deployments'), ''],
      [h.post('/v1/environments', environmentBody()), '; nothing was changed'],
      [h.post('/v1/environments', environmentBody(), { 'Idempotency-Key': 'k' }), '; nothing was changed'],
      [h.call('/v1/environments/web', { method: 'DELETE' }), '; nothing was changed'],
      [h.deploy('web', 'aaaaaaaa-0000-4000-8000-000000000000'), '; nothing was changed'],
    ] as const;
    for (const [call, more] of calls) {
      const answer = await call;
      expect(answer).toMatchObject({ status: 503, text: `${reason}${more}\n` });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
  });

  it('names a value that it cannot read: waiting does not help', async () => {
    const h = harness();
    h.store.read = () => Promise.reject(new UnreadableValueError('env/web/spec: version 9 is not known'));
    expect(await h.call('/v1/environments/web', { method: 'DELETE' })).toMatchObject({
      status: 500,
      text: 'The store holds a value that this release cannot read: env/web/spec: version 9 is not known\n',
    });
    expect(h.logged.some(({ level }) => level === 50)).toBe(true);
  });

  it('never calls an unknown outcome a failure', async () => {
    const h = harness();
    h.store.create = () => Promise.reject(new StoreOutcomeUnknownError('reply lost'));
    const unknown = 'It is not known whether the change was made: the store did not say in time. ';
    const plain = await h.post('/v1/environments', environmentBody());
    expect(plain.status).toBe(504);
    expect(plain.text).toContain(`${unknown}GET the environment`);
    const keyed = await h.post('/v1/environments', environmentBody(), { 'Idempotency-Key': 'k' });
    expect(keyed.text).toBe(`${unknown}Send the request again with the same Idempotency-Key to find out\n`);
  });
});

describe('when the time is over', () => {
  const limits = { ...API_LIMITS, requestTimeoutMs: 20 };

  it('a read is 503', async () => {
    const h = harness({ limits });
    h.store.current = never;
    expect(await h.call('/v1/environments')).toMatchObject({ status: 503, text: 'The request took too long\n' });
  });

  it('a change that had not begun never begins', async () => {
    let answer = (): void => {};
    const h = harness({ limits });
    const read = h.store.read.bind(h.store);
    const { deploymentToken } = await h.create('web');
    h.store.read = async (name) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return read(name);
    };
    expect(await h.deploy('web', deploymentToken)).toMatchObject({
      status: 503,
      text: 'The request took too long; nothing was changed\n',
    });
    const before = await h.store.inventory();
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await h.store.inventory()).toEqual(before);
    expect(h.logged.filter(({ level }) => level === 50)).toEqual([]);
  });

  it('a change that had begun is not known to have failed', async () => {
    const h = harness({ limits });
    h.store.create = never;
    const { status, text } = await h.post('/v1/environments', environmentBody());
    expect(status).toBe(504);
    expect(text).toContain('It is not known whether the change was made');
  });
});

describe('health', () => {
  it('lives without asking anyone', async () => {
    const h = harness({ ready: never });
    expect(await h.call('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok","version":"1.2.3"}\n' });
  });

  it.each([
    ['up', 'up', 200, { ready: true, degraded: false }],
    ['up', 'down', 200, { ready: true, degraded: true }],
    ['down', 'up', 503, { ready: false, degraded: false }],
    ['down', 'down', 503, { ready: false, degraded: false }],
  ] as const)('is ready with etcd %s and Redis %s: %i', async (etcd, redis, status, more) => {
    const h = harness();
    h.readiness.now = { etcd, redis };
    const answer = await h.call('/readyz');
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ ...more, etcd, redis });
  });
});
