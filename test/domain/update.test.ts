import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, DeploymentToken, EnvironmentName } from '../../src/domain/ids.ts';
import { decideUpdate, drainOrderFault, revisionsToKeep } from '../../src/domain/update.ts';
import { revision, SPEC } from './records.ts';

const name = (text: string) => as<EnvironmentName>(text);

describe('an update', () => {
  const update = {
    token: SPEC.deploymentToken,
    next: as<DeploymentToken>('next'),
    revision: revision(3),
    adopt: { kind: 'family', value: 'f' },
    drainAfter: [name('other')],
    required: true,
  } as const;

  it('sets revision, token and what stands beside them; the rollout under way is not its business', () => {
    const spec = { ...SPEC, target: as<DeploymentId>('d1'), frozen: true, orders: { ...SPEC.orders, paused: true } };
    expect(decideUpdate(spec, update)).toEqual({
      kind: 'update',
      spec: {
        ...spec,
        deploymentToken: 'next',
        revision: revision(3),
        adopt: { kind: 'family', value: 'f' },
        drainAfter: ['other'],
        required: true,
      },
    });
  });

  it('needs the token, and an environment', () => {
    expect(decideUpdate(SPEC, { ...update, token: as<DeploymentToken>('old') })).toEqual({ kind: 'outdated' });
    const deletion = { requestedAt: SPEC.createdAt, tasks: 'stop' } as const;
    expect(decideUpdate({ ...SPEC, deletion }, update)).toEqual({ kind: 'gone' });
  });

  it('keeps the revision it replaces, and one that stays but once', () => {
    const now = { ...SPEC, revision: revision(3) };
    expect(revisionsToKeep(SPEC, now)).toEqual([revision(2), revision(3)]);
    expect(revisionsToKeep(SPEC, SPEC)).toEqual([revision(2)]);
  });
});

describe('an order of drains', () => {
  const others = (orders: Record<string, readonly string[]>) =>
    new Map(Object.entries(orders).map(([key, after]) => [name(key), after.map(name)]));

  it.each([
    ['nothing', [], {}, null],
    ['others', ['a', 'b'], { a: ['b'], b: [] }, null],
    ['itself', ['a', 'web'], { a: [], web: [] }, { kind: 'itself', index: 1, name: 'web' }],
    ['one that is not there', ['a', 'x'], { a: [] }, { kind: 'unknown', index: 1, name: 'x' }],
    ['one that drains after it', ['a'], { a: ['web'], web: [] }, { kind: 'cycle', path: ['web', 'a', 'web'] }],
    [
      'one of a long way back, by the shortest',
      ['a', 'b'],
      { a: ['c'], c: ['d'], d: ['web'], b: ['d'], web: [] },
      { kind: 'cycle', path: ['web', 'b', 'd', 'web'] },
    ],
    ['a cycle of others', ['a'], { a: ['b'], b: ['a'], web: [] }, null],
    ['what it has now does not count', ['a'], { a: [], web: ['b'], b: ['web'] }, null],
    ['one that names what is gone', ['a'], { a: ['gone'] }, null],
  ] as const)('of %s', (_, after, known, fault) => {
    expect(drainOrderFault(name('web'), after.map(name), others(known))).toEqual(fault);
  });

  it('is found in a big cluster', () => {
    const known = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [
        `e${n}`,
        Array.from({ length: 20 }, (_, m) => `e${(n * 7 + m * 13) % 3000}`),
      ]),
    );
    expect(drainOrderFault(name('web'), [name('e1')], others(known))).toBeNull();
  });
});
