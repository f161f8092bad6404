/** Whatever comes is answered, and changes only what it says. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { EnvironmentName } from '../../src/domain/ids.ts';
import { harness } from './harness.ts';

describe('anything at all', () => {
  it('as a body is answered below 500, and creates only what it then shows', async () => {
    let created = 0;
    let refused = 0;
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('c1', 'daemon', 'vpc', 'web'));
    const nearly = fc.record(
      {
        name: fc.oneof({ weight: 4, arbitrary: fc.stringMatching(/^[a-z-]{1,30}$/) }, { weight: 1, arbitrary: field }),
        instanceGroup: fc.oneof(
          { weight: 4, arbitrary: fc.constant({ cluster: 'c1' }) },
          { weight: 1, arbitrary: fc.record({ cluster: field }) },
          { weight: 1, arbitrary: field },
        ),
        taskDefinition: fc.oneof({ weight: 4, arbitrary: fc.constant('daemon') }, { weight: 1, arbitrary: field }),
        networkConfiguration: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: field }),
        deploymentConfiguration: fc.oneof(
          { weight: 20, arbitrary: fc.constantFrom(null, {}, { maxUnavailable: '5%', waves: [{ canary: 1 }] }) },
          { weight: 1, arbitrary: field },
        ),
        adopt: fc.oneof(
          { weight: 20, arbitrary: fc.constantFrom(null, { service: 's' }) },
          { weight: 1, arbitrary: field },
        ),
        drainAfter: fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: field }),
        required: fc.oneof({ weight: 20, arbitrary: fc.boolean() }, { weight: 1, arbitrary: field }),
      },
      { requiredKeys: ['name'] },
    );
    const body = fc.oneof(
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: fc.string() },
      { weight: 4, arbitrary: nearly.map((value) => JSON.stringify(value)) },
    );
    const h = harness();
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const answer = await h.call('/v1/environments', { method: 'POST', body: text });
        expect(answer.status).toBeLessThan(500);
        const { items } = JSON.parse((await h.call('/v1/environments')).text) as { items: { name: string }[] };
        if (answer.status === 200) {
          created += 1;
          expect(items).toEqual([JSON.parse(answer.text)]);
        } else {
          refused += 1;
          expect(items).toEqual([]);
        }
        for (const { name } of items) await h.store.remove(as<EnvironmentName>(name));
      }),
      { numRuns: 400 },
    );
    expect(created).toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(100);
  });

  it('as a path is answered below 500', async () => {
    const h = harness();
    await h.create('web');
    const segment = fc.oneof(
      fc.constantFrom(
        'web',
        '%',
        '%zz',
        '%E0%A4%A',
        '%00',
        '%2F',
        '%25',
        '..',
        '.',
        '',
        'deployments',
        'hosts',
        'freeze',
        '%F0%9F%92%A9',
      ),
      fc.webSegment(),
    );
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/v1/environments/${segments.join('/')}`);
    await fc.assert(
      fc.asyncProperty(
        path,
        fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'PATCH'),
        async (given, method) => {
          const { status } = await h.call(given, { method });
          expect(status).toBeLessThan(500);
        },
      ),
      { numRuns: 400 },
    );
  });
});
