/** A cluster's turn for `daemons.ready`, over the store in memory and an ECS that only writes down what it is asked. */
import { describe, expect, test } from 'vitest';
import { takeReadinessTurn, type ReadinessDeps } from '../../src/actors/readiness.ts';
import { WrittenMarks } from '../../src/actors/written-marks.ts';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import type { Facts } from '../../src/domain/facts.ts';
import { after, as, type InstanceArn, type Instant, type Revision } from '../../src/domain/ids.ts';
import type { AttributeCall, AttributeOutcome } from '../../src/ecs/gateway.ts';
import { FactsUnavailableError } from '../../src/store/facts-store.ts';
import { MemoryClusterStore } from '../../src/store/memory-clusters.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import {
  CLUSTER,
  deployment,
  factsOf,
  hostArn,
  hostOf,
  LISTED_AT,
  revision,
  specOf,
  taskOf,
} from '../planner/readiness-fixtures.ts';

const SKEW_MS = 5_000;
const ACT_WITHIN_MS = 10_000;
const hosts = (count: number) => Array.from({ length: count }, (_, n) => hostOf(n));
const tasks = (count: number) => Array.from({ length: count }, (_, n) => taskOf('agent', n));
const THROTTLED: AttributeOutcome = {
  kind: 'refused',
  retry: true,
  fault: { code: 'Throttled', message: 'slow down' },
};
const FULL: AttributeOutcome = { kind: 'refused', retry: false, fault: { code: 'Full', message: 'ten already' } };
const LOST: AttributeOutcome = { kind: 'unknown', fault: { code: 'ECONNRESET', message: 'gone' } };

interface Parts {
  readonly facts?: () => Facts | null;
  readonly spec?: EnvironmentSpec | null;
  readonly onCall?: (call: AttributeCall) => Promise<void>;
}

/** A cluster with one required environment, deployed. */
async function stage({ spec = specOf('agent'), facts, onCall }: Parts = {}) {
  const store = new MemoryStore({ storeId: 'store' });
  const clusters = new MemoryClusterStore(store);
  const state = {
    now: after(LISTED_AT, 60_000),
    facts: facts ?? ((): Facts | null => factsOf(hosts(3), tasks(3), { revision: as<Revision>(1) })),
    outcomes: new Map<InstanceArn, AttributeOutcome>(),
  };
  const calls: AttributeCall[] = [];
  const put = async (next: EnvironmentSpec): Promise<void> => {
    const record = await store.read(next.name);
    if (record === null) {
      await store.create({ ...next, target: null }, null);
      return await put(next);
    }
    const change = { seen: record.spec.modified, revisions: [], forget: { revisions: [], deployments: [] } };
    await store.update({ ...change, spec: next, deployment: deployment(revision(next.name)) }, null);
  };
  if (spec !== null) await put(spec);
  const deps: ReadinessDeps = {
    clusters,
    facts: { read: async () => state.facts() },
    ecs: {
      changeAttribute: async (call) => {
        calls.push(call);
        await onCall?.(call);
        return new Map(
          call.instances.map((host): [InstanceArn, AttributeOutcome] => [
            host,
            state.outcomes.get(host) ?? { kind: 'done' },
          ]),
        );
      },
    },
    marks: new WrittenMarks(),
    policy: { actWithinMs: ACT_WITHIN_MS, clockSkewMs: SKEW_MS },
    now: (): Instant => state.now,
    holder: 'test',
  };
  const turn = () => takeReadinessTurn(CLUSTER, deps, new AbortController().signal);
  return { store, clusters, state, calls, put, turn, deps };
}

const briefly = (calls: readonly AttributeCall[]) =>
  calls.map(({ change, instances }) => `${change.kind} ${instances.length}`);

test('hosts are marked ten a call, within the time of a launch, and those that lost it first', async () => {
  const ready = hosts(12);
  const lost = [hostOf(20, {}, 'true'), hostOf(21, {}, 'true')];
  const { turn, calls, state } = await stage({
    facts: () => factsOf([...ready, ...lost], tasks(12), { revision: as<Revision>(1) }),
  });
  expect(await turn()).toEqual({
    kind: 'done',
    report: { set: 12, unset: 2, refused: 0, unknown: 0, fault: null },
    again: false,
  });
  expect(briefly(calls)).toEqual(['delete 2', 'put 10', 'put 2']);
  expect(calls[1]).toEqual({
    cluster: CLUSTER,
    change: { kind: 'put', name: 'daemons.ready', value: 'true' },
    instances: ready.slice(0, 10).map(({ arn }) => arn),
    notAfter: after(state.now, ACT_WITHIN_MS),
  });
});

test('a turn makes so many calls and no more; the rest is for the next one', async () => {
  const { turn, calls } = await stage({
    facts: () => factsOf(hosts(1_001), tasks(1_001), { revision: as<Revision>(1) }),
  });
  expect(await turn()).toMatchObject({ kind: 'done', report: { set: 1_000 }, again: true });
  expect(await turn()).toMatchObject({ kind: 'done', report: { set: 1 }, again: false });
  expect(calls).toHaveLength(101);
});

describe('D1: the fence', () => {
  test('without it no call is made, and a turn that loses it stops', async () => {
    const many = (): Facts => factsOf(hosts(200), tasks(200), { revision: as<Revision>(1) });
    const { turn, calls, clusters } = await stage({
      facts: many,
      onCall: async () => {
        await clusters.claim(CLUSTER, 'another');
      },
    });
    expect(await turn()).toEqual({ kind: 'fenced' });
    // Those under way when the other came; none after it.
    expect(calls.length).toBeLessThanOrEqual(4);
  });

  test('one of two claims at the same time loses', async () => {
    const { turn, calls } = await stage();
    const kinds = (await Promise.all([turn(), turn()])).map(({ kind }) => kind);
    expect(kinds).toContain('fenced');
    expect(calls.length).toBeLessThanOrEqual(1);
  });

  test('a call leaves within its time of the moment the fence was asked for', async () => {
    const { turn, calls, state, deps } = await stage();
    const asked = state.now;
    const slow: ReadinessDeps['clusters'] = {
      claim: async (cluster, holder) => {
        const result = await deps.clusters.claim(cluster, holder);
        if (result.kind !== 'claimed') return result;
        const holds = async (): Promise<boolean> => {
          state.now = after(state.now, 60_000);
          return await result.claim.holds();
        };
        return { kind: 'claimed', claim: { ...result.claim, holds } };
      },
    };
    await takeReadinessTurn(CLUSTER, { ...deps, clusters: slow }, new AbortController().signal);
    expect(calls[0]?.notAfter).toBe(after(asked, ACT_WITHIN_MS));
    expect(await turn()).toMatchObject({ kind: 'done' });
  });
});

describe('D2: without facts nothing is done', () => {
  test.each<[string, () => Facts | null]>([
    ['none', () => null],
    ['those of another store', () => factsOf(hosts(3), tasks(3), { revision: as<Revision>(1), storeId: 'restored' })],
    ['those of a later state of it', () => factsOf(hosts(3), tasks(3), { revision: as<Revision>(1_000) })],
    [
      'a cache that does not answer',
      () => {
        throw new FactsUnavailableError('Redis: gone');
      },
    ],
  ])('%s', async (_, facts) => {
    const { turn, calls } = await stage({ facts });
    expect(await turn()).toEqual({ kind: 'no-facts' });
    expect(calls).toEqual([]);
  });
});

describe('what was written is not written again', () => {
  test('until a listing that began well after it shows otherwise', async () => {
    const { turn, calls, state } = await stage();
    await turn();
    await turn();
    expect(briefly(calls)).toEqual(['put 3']);
    const listed = (ms: number): void => {
      state.facts = () => factsOf(hosts(3), tasks(3), { revision: as<Revision>(1), startedAt: after(state.now, ms) });
    };
    listed(SKEW_MS - 1);
    await turn();
    expect(briefly(calls)).toEqual(['put 3']);
    listed(SKEW_MS);
    await turn();
    expect(briefly(calls)).toEqual(['put 3', 'put 3']);
  });

  test('but taken away when a task ends before that', async () => {
    const { turn, calls, state } = await stage();
    await turn();
    state.facts = () => factsOf(hosts(3), tasks(2), { revision: as<Revision>(1) });
    await turn();
    expect(calls.at(-1)).toMatchObject({ change: { kind: 'delete' }, instances: [hostArn(2)] });
  });

  test.each<[string, AttributeOutcome]>([
    ['throttled', THROTTLED],
    ['unknown', LOST],
  ])('a host whose call was %s is tried again by the next turn', async (_, outcome) => {
    const { turn, calls, state } = await stage();
    state.outcomes.set(hostArn(1), outcome);
    const fault = outcome.kind === 'done' ? null : outcome.fault;
    expect(await turn()).toMatchObject({ kind: 'done', report: { set: 2, fault }, again: true });
    state.outcomes.clear();
    expect(await turn()).toMatchObject({ kind: 'done', report: { set: 1 }, again: false });
    expect(calls.at(-1)?.instances).toEqual([hostArn(1)]);
  });

  test('a host that ECS refuses for good rests for five minutes, and the others do not', async () => {
    const { turn, calls, state } = await stage();
    state.outcomes.set(hostArn(1), FULL);
    expect(await turn()).toMatchObject({ report: { set: 2, refused: 1, fault: { code: 'Full' } }, again: false });
    state.now = after(state.now, 299_999);
    await turn();
    expect(calls).toHaveLength(1);
    state.now = after(state.now, 1);
    await turn();
    expect(calls.at(-1)?.instances).toEqual([hostArn(1)]);
  });
});

describe('when no environment is required any more', () => {
  const marked = (): Facts =>
    factsOf([hostOf(1, {}, 'true'), hostOf(2)], [taskOf('agent', 1)], { revision: as<Revision>(1) });

  test('what was set goes', async () => {
    const { turn, calls, put } = await stage({ facts: marked });
    await put(specOf('agent', { required: false }));
    expect(await turn()).toEqual({ kind: 'unconcerned' });
    await put(specOf('agent'));
    await turn();
    await put(specOf('agent', { required: false }));
    await turn();
    expect(calls).toMatchObject([{ change: { kind: 'delete' }, instances: [hostArn(1)] }]);
  });

  test('a deletion takes part no longer, and with the last environment every host is cleared', async () => {
    const { turn, calls, put, store } = await stage({ facts: marked });
    await turn();
    const deleted = specOf('agent', { deletion: { requestedAt: LISTED_AT, tasks: 'keep' } });
    await put(deleted);
    await turn();
    expect(calls).toMatchObject([{ change: { kind: 'delete' }, instances: [hostArn(1)] }]);
    const claimed = await store.claim(deleted.id, 'test');
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    expect(await claimed.claim.remove()).toEqual({ kind: 'committed' });
    await turn();
    expect(calls.at(-1)).toMatchObject({ change: { kind: 'delete' }, instances: [hostArn(2)] });
  });

  test('a mark on a cluster that never had one is not ours to take', async () => {
    const { turn, calls } = await stage({ facts: marked, spec: specOf('agent', { required: false }) });
    expect(await turn()).toEqual({ kind: 'unconcerned' });
    expect(calls).toEqual([]);
  });
});

test('a value that cannot be read leaves all marks as they are', async () => {
  const { turn, calls, store } = await stage();
  await store.create(specOf('other', { target: null }), null);
  store.spoil(specOf('other').id, 'spec');
  expect(await turn()).toMatchObject({ kind: 'unreadable' });
  expect(calls).toEqual([]);
});
