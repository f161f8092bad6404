import { expect, test } from 'vitest';
import { harness } from './harness.ts';

test('the page and all it loads come from here', async () => {
  const { app } = harness();
  expect((await app.request('/docs/')).headers.get('location')).toBe('/docs');
  const page = await app.request('/docs');
  expect(page.status).toBe(200);
  expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
  const html = await page.text();
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(loaded).toHaveLength(3);
  for (const path of loaded) {
    const answer = await app.request(path);
    expect([path, answer.status]).toEqual([path, 200]);
    expect(answer.headers.get('Content-Type')).toContain(path.endsWith('.css') ? 'text/css' : 'text/javascript');
    expect((await answer.text()).length).toBeGreaterThan(20);
  }
  expect(await (await app.request('/docs/start.js')).text()).toContain('/v1/openapi.json');
});

test('nothing else of the installation is served', async () => {
  const { app } = harness();
  for (const path of ['/docs/package.json', '/docs/../package.json', '/docs/%2e%2e/package.json', '/docs/nope.js']) {
    expect((await app.request(path)).status).toBe(404);
  }
});
