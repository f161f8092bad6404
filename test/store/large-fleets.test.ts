/**
 * What 10,000 hosts come to in etcd, whatever they fail with: a request of etcd holds it, with room to spare.
 * A turn whose own record is too large would fail before it launches anything, and so would every turn after it.
 */
import { describe, expect, inject, it } from 'vitest';
import type { DeploymentProgress } from '../../src/domain/environment.ts';
import type { Instance } from '../../src/domain/facts.ts';
import { after, as, type DeploymentId, type EnvironmentName, type InstanceArn } from '../../src/domain/ids.ts';
import type { Change } from '../../src/domain/plan.ts';
import type { Wave } from '../../src/domain/revision.ts';
import { WAVES_MOST } from '../../src/planner/waves.ts';
import { MAX_BYTES } from '../../src/store/chunks.ts';
import { progressCodec, statusCodec } from '../../src/store/codec.ts';
import { harness } from '../api/harness.ts';
import {
  ago,
  deployment,
  facts,
  instance as instanceNumbered,
  NOW,
  plan,
  RUNNING_PROGRESS,
  tries,
  vacant,
  type Scene,
} from '../planner/fixtures.ts';
import { ownRoot, storeOf, viewOf } from './etcd-fixture.ts';
import { instanceOf, progressOf, range, specOf } from './fixtures.ts';

const HOSTS = 10_000;
/** As many as a slot keeps of a reason. */
const REASON_CHARACTERS = 500;
/** One character, six bytes of JSON. */
const COSTLIEST = '\u0001';

/** With ids that are as long as those of ECS, and begin as differently. */
const arnOf = (n: number): InstanceArn => as<InstanceArn>(`${instanceOf(0).slice(0, -32)}${String(n).padEnd(32, 'f')}`);
const instance = (n: number, changes: Partial<Instance> = {}): Instance =>
  instanceNumbered(n, { arn: arnOf(n), ...changes });

/** Each host used up its attempts, and waits; `reasonOf` says with what words. */
const allFailed = (reasonOf: (n: number) => string, waves: readonly Wave[] = []): Scene => {
  const reasons = range(HOSTS).map((n) => reasonOf(n).slice(0, REASON_CHARACTERS));
  return {
    facts: facts(range(HOSTS).map((n) => instance(n))),
    slots: reasons.map((reason, n) =>
      vacant(n, { instance: arnOf(n), since: ago(600), tries: tries(3, { reason, until: after(NOW, 60_000) }) }),
    ),
    progress: { ...RUNNING_PROGRESS, ...(waves.length > 0 && { waves, open: waves.length }) },
  };
};

/** As Docker and registries are quoted: with ids of their own for each host. */
const quoted = (n: number): string =>
  `CannotPullContainerError: failed to authorize: failed to fetch anonymous token, request id: ${String(n).padStart(36, '0')}: ` +
  'the registry says that '.repeat(20);

const byAttribute = (name: string) =>
  ({ of: { kind: 'attribute', name }, promote: 'manual', bakeMinutes: 1_440 }) as const;
const ATTRIBUTE_CHARACTERS = 128;
const longName = (n: number): string => String(n).padStart(ATTRIBUTE_CHARACTERS, '\\');

const longWaves: readonly Wave[] = range(WAVES_MOST + 1).map((n) => ({
  name: `${longName(1)}=${longName(n)}`,
  ...byAttribute(longName(1)),
  of: { kind: 'attribute', name: longName(1), value: longName(n) },
}));

/** A rollout that begins, by ten attributes of which each host has values of its own. */
const manyWaves = (): Scene => {
  const names = range(10).map(longName);
  const first = deployment(1);
  const configuration = { ...first.revision.configuration, waves: names.map(byAttribute) };
  const target = deployment(2, { base: first.id, revision: { ...deployment(2).revision, configuration } });
  return {
    facts: facts(
      range(HOSTS).map((n) => instance(n, { attributes: new Map(names.map((name) => [name, longName(n)])) })),
    ),
    rollouts: [{ deployment: target, progress: null }],
  };
};

const recordsIn = (scene: Scene): readonly Change[] =>
  plan(scene)
    .changes.flat()
    .filter(({ kind }) => kind === 'put-progress' || kind === 'put-status');

const bytesOf = (change: Change): number => {
  if (change.kind === 'put-progress') return Buffer.byteLength(progressCodec.encode(change.progress));
  return change.kind === 'put-status' ? Buffer.byteLength(statusCodec.encode(change.status)) : 0;
};

describe('10,000 hosts', () => {
  it.each<[string, () => Scene]>([
    ['that fail, each in words of its own', () => allFailed(quoted)],
    [
      'that fail, in many waves, each in words that are costly to write',
      () => allFailed((n) => `${n}${COSTLIEST.repeat(REASON_CHARACTERS)}`, longWaves),
    ],
    [
      'whose agents are disconnected',
      () => ({
        facts: facts(range(HOSTS).map((n) => instance(n, { agentConnected: false }))),
        progress: RUNNING_PROGRESS,
      }),
    ],
    ['that make waves by attributes of which each has a value of its own', manyWaves],
  ])('%s', async (_, sceneOf) => {
    const records = recordsIn(sceneOf());
    expect(records.map(({ kind }) => kind)).toEqual(['put-progress', 'put-status']);
    for (const record of records) expect(bytesOf(record), record.kind).toBeLessThan(MAX_BYTES);

    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    const claimed = await store.actors.claim(spec.id, 'test');
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    expect(await claimed.claim.commitOutcomes([records])).toEqual({ kind: 'committed' });
  });
});

describe('orders with an Idempotency-Key', () => {
  /** A rollout under way on hosts that failed, as many as were deferred. */
  const rollout = async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const h = harness({ store: store.environments, view: await viewOf(store) });
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: DeploymentId };
    const record = await store.environments.read(as<EnvironmentName>('web'));
    const claimed = await store.actors.claim(record?.spec.value.id ?? as(''), 'test');
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    const over: Partial<DeploymentProgress> = {
      state: 'paused',
      failedInstances: range(HOSTS / 2).map((n) => ({
        instance: arnOf(n),
        reason: COSTLIEST.repeat(REASON_CHARACTERS),
        attempts: 3,
      })),
      deferredInstances: range(HOSTS / 2).map((n) => arnOf(HOSTS + n)),
      waves: longWaves,
      open: 1,
    };
    const ending = await claimed.claim.commitOutcomes([[{ kind: 'put-progress', progress: progressOf(id, over) }]]);
    expect(ending).toEqual({ kind: 'committed' });
    return { ...h, id };
  };

  it('are taken, and answered alike once more', async () => {
    const h = await rollout();
    for (const order of ['promote', 'pause', 'resume', 'cancel']) {
      const tell = () =>
        h.call(`/v1/environments/web/deployments/${h.id}/${order}`, {
          method: 'POST',
          headers: { 'Idempotency-Key': order },
        });
      const first = await tell();
      expect(first.status, order).toBe(200);
      const again = await tell();
      expect(again).toMatchObject({ status: 200, text: first.text });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
    }
  });
});
