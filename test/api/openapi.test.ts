import { describe, expect, it } from 'vitest';
import { environmentBody, harness } from './harness.ts';

type Json = { readonly [member: string]: Json };

const load = async () => {
  const h = harness();
  const { status, text } = await h.call('/v1/openapi.json');
  expect(status).toBe(200);
  return { h, document: JSON.parse(text) as Json };
};

/** Every value of a member of that name, anywhere. */
const all = (member: string, value: unknown): unknown[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [...(key === member ? [inner] : []), ...all(member, inner)]);
};

describe('the OpenAPI document', () => {
  it('is 3.1 and has every route that is served, and no other', async () => {
    const { h, document } = await load();
    expect(document['openapi']).toBe('3.1.0');
    expect(document['info']).toMatchObject({ title: 'daemon-scheduler', version: '1.2.3' });
    // The page that shows the document is not part of what it describes.
    const served = h.app.routes
      .filter(({ path }) => !path.endsWith('*') && !path.endsWith('/') && !path.startsWith('/docs'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const documented = Object.entries(document['paths'] ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(served).toHaveLength(29);
    expect(documented.toSorted()).toEqual(served.toSorted());
  });

  it('has an id, a summary and all path parameters for each operation, and refers to nothing that is not there', async () => {
    const { document } = await load();
    const operations = Object.entries(document['paths'] ?? {}).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, operation })),
    );
    expect(new Set(operations.map(({ operation }) => operation['operationId'])).size).toBe(operations.length);
    for (const { path, operation } of operations) {
      expect(operation['summary'], path).toEqual(expect.any(String));
      const parameters = (operation['parameters'] ?? []) as unknown as {
        name: string;
        in: string;
        required?: boolean;
      }[];
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => name).toSorted()).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).toSorted(),
      );
      expect(inPath.every(({ required }) => required === true)).toBe(true);
    }
    const refs = all('$ref', document);
    expect(refs.length).toBeGreaterThan(10);
    for (const ref of refs) {
      const found = String(ref)
        .split('/')
        .slice(1)
        .reduce<Json | undefined>((at, part) => at?.[part], document);
      expect(found, String(ref)).toBeDefined();
    }
  });

  it('tells the rules that bodies are checked by', async () => {
    const { document } = await load();
    const request = document['components']?.['schemas']?.['CreateEnvironmentRequest'] as Json;
    expect(request['required']).toEqual(['instanceGroup', 'name', 'taskDefinition']);
    expect(request['properties']?.['name']).toMatchObject({ type: 'string', pattern: '^[a-zA-Z0-9-_]{1,30}$' });
    const configuration = document['components']?.['schemas']?.['DeploymentConfigurationRequest'] as Json;
    expect(configuration['additionalProperties']).toBe(false);
    expect(configuration['properties']?.['minReadySeconds']).toMatchObject({ minimum: 0, maximum: 3600 });
    expect(all('subnets', document)).toContainEqual(expect.objectContaining({ minItems: 1, maxItems: 16 }));
  });

  it('lists each status a route was seen to answer with', async () => {
    const { h, document } = await load();
    const made = await h.post('/v1/environments', environmentBody());
    const { deploymentToken } = JSON.parse(made.text) as { deploymentToken: string };
    const name = '/v1/environments/{name}';
    const seen: [string, string, number][] = [
      ['/v1/environments', 'post', made.status],
      ['/v1/environments', 'post', (await h.post('/v1/environments', {})).status],
      [
        '/v1/environments',
        'post',
        (await h.post('/v1/environments', environmentBody({ taskDefinition: 'no' }))).status,
      ],
      ['/v1/environments', 'get', (await h.call('/v1/environments?x=1')).status],
      [name, 'get', (await h.call('/v1/environments/none')).status],
      [name, 'delete', (await h.call('/v1/environments/web?tasks=x', { method: 'DELETE' })).status],
      [`${name}/deployments`, 'post', (await h.deploy('none', deploymentToken)).status],
      [`${name}/deployments`, 'post', (await h.deploy('web', deploymentToken)).status],
      [name, 'patch', (await h.patch('web', deploymentToken, {})).status],
      [name, 'patch', (await h.patch('web', deploymentToken, {})).status],
      [name, 'patch', (await h.patch('web', deploymentToken, { name: 'x' })).status],
      [`${name}/revisions`, 'get', (await h.call('/v1/environments/none/revisions')).status],
      [`${name}/rollback`, 'post', (await h.order('web/rollback')).status],
      [`${name}/rollback`, 'post', (await h.order('web/rollback', { to: '0'.repeat(16) })).status],
      [`${name}/freeze`, 'post', (await h.order('web/freeze')).status],
      [`${name}/hosts/{id}/retry`, 'post', (await h.order('web/hosts/x/retry')).status],
      [`${name}/deployments/{id}/pause`, 'post', (await h.order(`web/deployments/${deploymentToken}/pause`)).status],
      [`${name}/deployments/{id}`, 'get', (await h.call(`/v1/environments/web/deployments/${deploymentToken}`)).status],
    ];
    for (const [path, method, status] of seen) {
      expect(document['paths']?.[path]?.[method]?.['responses'], `${method} ${path}`).toHaveProperty(`${status}`);
    }
    expect(new Set(seen.map(([, , status]) => status))).toEqual(new Set([200, 400, 404, 412]));
  });
});
