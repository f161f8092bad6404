/** `/docs`: the OpenAPI document for people, rendered from files of this installation; nothing is fetched from elsewhere. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { answer } from './answer.ts';
import type { ApiEnv } from './app-env.ts';
import { withoutTrailingSlash } from './clean-path.ts';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>daemon-scheduler API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;
const START = "SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#page' });\n";

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};
/** The page may load what this server gives it and nothing else; swagger-ui sets styles and images inline. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

export const serveDocs = (app: OpenAPIHono<ApiEnv>): void => {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', (c) =>
    answer(c, 200, PAGE, { 'Content-Type': 'text/html; charset=UTF-8', 'Content-Security-Policy': POLICY }),
  );
  app.get('/docs/', withoutTrailingSlash);
  app.get('/docs/start.js', (c) => answer(c, 200, START, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`/docs/${name}`, async (c) =>
      answer(c, 200, await readFile(join(folder, name)), { 'Content-Type': type, 'Cache-Control': 'max-age=3600' }),
    );
  }
};
