import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { revisionOf } from '../../src/api/revisions.ts';
import type { RevisionContent } from '../../src/api/revisions.ts';
import { as } from '../../src/domain/ids.ts';
import type { Instant, TaskDefinitionArn } from '../../src/domain/ids.ts';
import { DEFAULT_CONFIGURATION } from '../../src/domain/revision.ts';

const content: RevisionContent = {
  taskDefinition: as<TaskDefinitionArn>('daemon:1'),
  healthCheck: false,
  networkConfiguration: { awsvpcConfiguration: { subnets: ['a', 'b'], assignPublicIp: 'DISABLED' } },
  query: null,
  configuration: DEFAULT_CONFIGURATION,
};
const at = as<Instant>(1);

describe('a revision', () => {
  it('is named by its content, whatever its age and the order of its members', () => {
    const made = revisionOf(content, at);
    expect(made).toEqual({
      ...content,
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      template: expect.stringMatching(/^[0-9a-f]{16}$/),
      createdAt: 1,
    });
    const { configuration, ...rest } = content;
    const turned: RevisionContent = {
      configuration: Object.fromEntries(Object.entries(configuration).toReversed()) as unknown as typeof configuration,
      ...rest,
      networkConfiguration: { awsvpcConfiguration: { assignPublicIp: 'DISABLED', subnets: ['a', 'b'] } },
    };
    expect(revisionOf(turned, as<Instant>(2))).toEqual({ ...made, createdAt: 2 });
  });

  it.each([
    ['query', { query: 'attribute:zone == a' }, true],
    ['healthCheck', { healthCheck: true }, true],
    ['configuration', { configuration: { ...DEFAULT_CONFIGURATION, minReadySeconds: 1 } }, true],
    ['taskDefinition', { taskDefinition: as<TaskDefinitionArn>('daemon:2') }, false],
    ['networkConfiguration', { networkConfiguration: { awsvpcConfiguration: { subnets: ['b', 'a'] } } }, false],
    ['no networkConfiguration', { networkConfiguration: null }, false],
  ])('of another %s is another; its template only where tasks are made otherwise', (_, over, sameTemplate) => {
    const a = revisionOf(content, at);
    const b = revisionOf({ ...content, ...over }, at);
    expect(b.id).not.toBe(a.id);
    expect(b.template === a.template).toBe(sameTemplate);
  });

  it('has one id for each content', () => {
    const seen = new Map<string, string>();
    let again = 0;
    fc.assert(
      fc.property(
        fc.record({
          query: fc.constantFrom(null, 'a', 'b'),
          healthCheck: fc.boolean(),
          minReadySeconds: fc.integer({ min: 0, max: 3 }),
          alarms: fc.subarray(['x', 'y']),
        }),
        ({ query, healthCheck, ...configuration }) => {
          const given = {
            ...content,
            query,
            healthCheck,
            configuration: { ...DEFAULT_CONFIGURATION, ...configuration },
          };
          const { id } = revisionOf(given, at);
          const text = JSON.stringify([query, healthCheck, configuration.minReadySeconds, configuration.alarms]);
          const known = seen.get(id);
          if (known !== undefined) again += 1;
          expect(known ?? text).toBe(text);
          seen.set(id, text);
        },
      ),
      { numRuns: 300 },
    );
    expect(seen.size).toBeGreaterThan(40);
    expect(again).toBeGreaterThan(40);
  });
});
