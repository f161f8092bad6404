import { Counter, Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { serveMetrics } from '../../src/telemetry/metrics-server.ts';

async function served(ready: () => Promise<{ readonly ready: boolean }>) {
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things', registers: [registry] }).inc(3);
  const server = await serveMetrics({ registry, ready, host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
}

test('metrics, whether it lives, and nothing else', async () => {
  const get = await served(() => Promise.resolve({ ready: true }));
  expect((await get('/metrics?a=b')).text).toContain('things_total 3\n');
  expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  expect((await get('/')).status).toBe(404);
});

test('whether it is ready, and why not; it lives all the same', async () => {
  let up = true;
  const get = await served(() => Promise.resolve({ ready: up, redis: up ? 'up' : 'down' }));
  expect(await get('/readyz')).toEqual({ status: 200, text: '{"ready":true,"redis":"up"}\n' });
  up = false;
  expect(await get('/readyz')).toEqual({ status: 503, text: '{"ready":false,"redis":"down"}\n' });
  expect((await get('/healthz')).status).toBe(200);
});

test('a question that fails is answered, with 500', async () => {
  const get = await served(() => Promise.reject(new Error('no idea')));
  expect(await get('/readyz')).toEqual({ status: 500, text: '' });
});
