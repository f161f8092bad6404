import { describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, DeploymentToken, Instant, RevisionId, Template } from '../../src/domain/ids.ts';
import { decideDeletion, decideDeployment, decideRollback } from '../../src/domain/transitions.ts';
import { deployment, progress, record, revision, SPEC } from './records.ts';

const token = (text: string) => as<DeploymentToken>(text);
const d1 = as<DeploymentId>('d1');
const earlier = deployment('d1', { token: token('before') });
const request = { token: token('now'), id: as<DeploymentId>('d9'), at: as<Instant>(9) };
const ORDERED = { paused: true, resumes: 2, promoted: 1, cancelled: true };
const NOTHING_ORDERED = { paused: false, resumes: 0, promoted: 0, cancelled: false };

describe('a request for a deployment', () => {
  it('makes it the target, freezes the revision of the moment, and forgets what was ordered', () => {
    expect(decideDeployment(record({ orders: ORDERED }), request)).toEqual({
      kind: 'deploy',
      spec: { ...SPEC, target: 'd9', orders: NOTHING_ORDERED },
      deployment: {
        id: 'd9',
        token: 'now',
        kind: 'deploy',
        revision: revision(2),
        template: 't2',
        base: null,
        rollsBack: null,
        createdAt: 9,
      },
    });
  });

  it('follows one that is over, and stands on the last that was completed', () => {
    for (const state of ['completed', 'failed', 'cancelled'] as const) {
      const seen = record(
        { target: as<DeploymentId>('d2') },
        {
          deployments: [earlier, deployment('d2')],
          progress: [progress('d1', { state: 'completed' }), progress('d2', { state })],
        },
      );
      const base = state === 'completed' ? 'd2' : 'd1';
      expect(decideDeployment(seen, request)).toMatchObject({ kind: 'deploy', deployment: { base } });
    }
  });

  it('supersedes one that is not over, when asked to', () => {
    for (const going of [[], [progress('d1')], [progress('d1', { state: 'paused' })]]) {
      const seen = record({ target: d1 }, { deployments: [earlier], progress: going });
      expect(decideDeployment(seen, request)).toEqual({ kind: 'in-progress', deployment: 'd1' });
      expect(decideDeployment(seen, { ...request, supersede: true }).kind).toBe('deploy');
    }
  });

  it('restarts with a new template, and what follows on the same revision keeps that', () => {
    const used = deployment('d1', { token: token('now'), revision: revision(2), template: as<Template>('t2') });
    const done = [progress('d1', { state: 'completed' })];
    const seen = record({ target: d1 }, { deployments: [used], progress: done });
    expect(decideDeployment(seen, request).kind).toBe('token-used');
    expect(decideDeployment(seen, { ...request, restart: true })).toMatchObject({
      kind: 'deploy',
      deployment: { kind: 'restart', template: 't2+d9', revision: { id: 'r2' }, base: 'd1' },
    });
    const restarted = deployment('d1', { kind: 'restart', revision: revision(2), template: as<Template>('t2+d1') });
    const after = record({ target: d1 }, { deployments: [restarted], progress: done });
    expect(decideDeployment(after, request)).toMatchObject({ deployment: { kind: 'deploy', template: 't2+d1' } });
  });

  it('keeps it also when another revision was tried since and came to nothing: hosts run what was completed', () => {
    const restarted = deployment('d1', { kind: 'restart', revision: revision(2), template: as<Template>('t2+d1') });
    const tried = deployment('d2', { revision: revision(3), template: as<Template>('t3') });
    const since = [progress('d1', { state: 'completed' }), progress('d2', { state: 'cancelled' })];
    const parts = { deployments: [restarted, tried], progress: since, revisions: [revision(2)] };
    const seen = record({ target: as<DeploymentId>('d2') }, parts);
    expect(decideDeployment(seen, request)).toMatchObject({ deployment: { kind: 'deploy', template: 't2+d1' } });
    const back = { ...request, to: as<RevisionId>('r2') };
    expect(decideRollback(seen, back)).toMatchObject({ deployment: { kind: 'rollback', template: 't2+d1' } });
  });

  it.each([
    ['the environment is being deleted', { deletion: { requestedAt: 1, tasks: 'stop' } }, [], 'now', 'gone'],
    ['the token is another one', {}, [], 'other', 'outdated'],
    ['the token was used, and is still the one', { deploymentToken: 'before' }, [], 'before', 'token-used'],
    ['the token was used, and has been replaced', {}, [], 'before', 'token-used'],
    ['the one before is pending', { target: 'd1' }, [], 'now', 'in-progress'],
    ['the one before is running', { target: 'd1' }, [progress('d1')], 'now', 'in-progress'],
  ] as const)('is refused when %s', (_, over, going, shown, kind) => {
    const seen = record(over as Partial<EnvironmentSpec>, { deployments: [earlier], progress: going });
    expect(decideDeployment(seen, { ...request, token: token(shown) }).kind).toBe(kind);
  });

  it.each([
    ['completed', {}, null],
    ['running', {}, null],
    ['running', { orders: ORDERED }, 'cancelled'],
    ['cancelled', {}, 'cancelled'],
    ['failed', {}, 'failed'],
    ['failed', { deploymentToken: token('now') }, 'replaced'],
  ] as const)('with a used token whose deployment is %s, and a spec with %j, is told %s', (state, over, since) => {
    const seen = record(
      { target: d1, deploymentToken: token('before'), ...over },
      { deployments: [earlier], progress: [progress('d1', { state })] },
    );
    expect(decideDeployment(seen, { ...request, token: token('before') })).toEqual({ kind: 'token-used', since });
  });

  it('cannot restart with a token that has been replaced', () => {
    const seen = record({}, { deployments: [earlier] });
    expect(decideDeployment(seen, { ...request, token: token('before'), restart: true }).kind).toBe('token-used');
  });
});

describe('a request for a rollback', () => {
  const two = deployment('d2', { revision: revision(2), template: as<Template>('t2') });
  const ask = { id: as<DeploymentId>('d9'), token: token('next'), at: as<Instant>(9), to: null };
  const target = as<DeploymentId>('d2');

  it('deploys what was completed before the target, under a new token', () => {
    const seen = record(
      { target, orders: ORDERED },
      { deployments: [earlier, two], progress: [progress('d1', { state: 'completed' }), progress('d2')] },
    );
    expect(decideRollback(seen, ask)).toEqual({
      kind: 'deploy',
      spec: { ...SPEC, revision: revision(1), deploymentToken: 'next', target: 'd9', orders: NOTHING_ORDERED },
      deployment: {
        id: 'd9',
        token: 'next',
        kind: 'rollback',
        revision: revision(1),
        template: 't1',
        base: 'd1',
        rollsBack: 'd2',
        createdAt: 9,
      },
    });
  });

  it('passes over what made the same tasks, and what was not completed', () => {
    const again = deployment('d3', { revision: revision(2), template: as<Template>('t2') });
    const failed = deployment('d0', { revision: revision(3), template: as<Template>('t3') });
    const seen = record(
      { target: as<DeploymentId>('d3') },
      {
        deployments: [earlier, failed, two, again],
        progress: [
          progress('d1', { state: 'completed' }),
          progress('d0', { state: 'failed' }),
          progress('d2', { state: 'completed' }),
          progress('d3', { state: 'completed' }),
        ],
      },
    );
    expect(decideRollback(seen, ask)).toMatchObject({ deployment: { revision: { id: 'r1' }, base: 'd3' } });
  });

  it('passes over what a restart made anew', () => {
    const restarted = deployment('d3', { kind: 'restart', revision: revision(2), template: as<Template>('t2+d3') });
    const states = ['d1', 'd2', 'd3'].map((id) => progress(id, { state: 'completed' }));
    const seen = record(
      { target: as<DeploymentId>('d3') },
      { deployments: [earlier, two, restarted], progress: states },
    );
    expect(decideRollback(seen, ask)).toMatchObject({ deployment: { revision: { id: 'r1' }, template: 't1' } });
  });

  it('deploys the revision that is named', () => {
    const seen = record({ target }, { deployments: [two], revisions: [revision(7)] });
    expect(decideRollback(seen, { ...ask, to: as<RevisionId>('r7') })).toMatchObject({
      spec: { revision: { id: 'r7' } },
      deployment: { revision: { id: 'r7' }, template: 't7' },
    });
  });

  it.each([
    ['gone', { deletion: { requestedAt: 1, tasks: 'stop' } }, null],
    ['never-deployed', {}, null],
    ['no-earlier', { target: 'd2' }, null],
    ['no-such-revision', { target: 'd2' }, 'r8'],
  ])('is refused as %s', (kind, over, to) => {
    const seen = record(over as Partial<EnvironmentSpec>, { deployments: [two], progress: [progress('d2')] });
    expect(decideRollback(seen, { ...ask, to: to === null ? null : as<RevisionId>(to) })).toEqual({ kind });
  });
});

describe('a request for deletion', () => {
  const deletion = { requestedAt: as<Instant>(5), tasks: 'keep' } as const;

  it('marks the spec and leaves the rest of it alone', () => {
    expect(decideDeletion(SPEC, deletion)).toEqual({ kind: 'delete', spec: { ...SPEC, deletion } });
  });

  it('changes nothing of one that is on its way', () => {
    const going = { ...SPEC, deletion: { requestedAt: as<Instant>(4), tasks: 'stop' } as const };
    expect(decideDeletion(going, deletion)).toEqual({ kind: 'already' });
  });
});
