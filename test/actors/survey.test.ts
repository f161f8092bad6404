/** A cluster's turn: its pace, what it publishes, and whom it wakes. */
import { describe, expect, test } from 'vitest';
import { isOverdue, surveyCluster, whomToWake, type SurveyDeps } from '../../src/actors/survey.ts';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { READY_ATTRIBUTE, type Facts, type Instance, type Task } from '../../src/domain/facts.ts';
import { as, type ClusterArn, type Revision } from '../../src/domain/ids.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import type { Generation, Standing } from '../../src/store/facts-store.ts';
import type { Stored } from '../../src/domain/world.ts';
import { ago, facts, instance, NOW, REVISION, stopped, stored, task, world } from '../planner/fixtures.ts';

const spec = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec => ({
  ...world().spec.value,
  id: as(`id of ${name}`),
  name: as(name),
  ...changes,
});
const AGENT = spec('agent');
const OTHER = spec('other');
const CLUSTER = AGENT.cluster;

describe('whomToWake', () => {
  const before = facts([instance(1), instance(2)], [task(1), task(2)]);
  const wakes = (
    instances: readonly Instance[],
    tasks: readonly Task[],
    seen: Facts | null = before,
    watchers: readonly Stored<EnvironmentSpec>[] = [stored(AGENT), stored(OTHER)],
  ) => whomToWake(seen, { instances, tasks }, watchers).map(({ environment, reason }) => [environment, reason]);
  const hosts = [instance(1), instance(2)];
  const all = (reason: string) => [
    [AGENT.id, reason],
    [OTHER.id, reason],
  ];

  test('nobody when nothing changed, whatever the order', () => {
    expect(wakes(hosts.toReversed(), [task(2), task(1)])).toEqual([]);
  });

  test('everyone when nothing was known before', () => {
    expect(wakes(hosts, [task(1), task(2)], null)).toEqual(all('drift'));
  });

  test('whose spec is newer than the last listing: he may wait for this one', () => {
    const since = stored(OTHER, as<Revision>(REVISION.listed + 1));
    expect(wakes(hosts, [task(1), task(2)], before, [stored(AGENT), since])).toEqual([[OTHER.id, 'drift']]);
  });

  test.each<[string, readonly Instance[], string]>([
    ['a host joins', [...hosts, instance(3)], 'instance-join'],
    ['an agent returns', hosts, 'instance-join'],
    ['a host leaves', [instance(1)], 'drift'],
    ['a host is replaced by one that is not ready', [instance(1), instance(3, { status: 'REGISTERING' })], 'drift'],
    ['an agent is lost', [instance(1), instance(2, { agentConnected: false })], 'drift'],
    ['a host drains', [instance(1), instance(2, { status: 'DRAINING' })], 'drift'],
  ])('everyone when %s', (what, instances, reason) => {
    const known =
      what === 'an agent returns'
        ? facts([instance(1), instance(2, { agentConnected: false })], [task(1), task(2)])
        : before;
    expect(wakes(instances, [task(1), task(2)], known)).toEqual(all(reason));
  });

  test('everyone when queries see a host differently; nobody for our own mark on it', () => {
    const marked = (stack: string, ...more: readonly [string, string][]) => new Map([['stack', stack], ...more]);
    const known = facts([instance(1), instance(2, { attributes: marked('prod') })]);
    const seen = (changes: Partial<Instance>) => wakes([instance(1), instance(2, changes)], [], known);
    expect(seen({ attributes: marked('test') })).toEqual(all('drift'));
    expect(seen({ attributes: marked('prod', ['zone', 'a']) })).toEqual(all('drift'));
    expect(seen({ attributes: marked('prod'), agentVersion: '1.91.0' })).toEqual(all('drift'));
    expect(seen({ attributes: marked('prod') })).toEqual([]);
    expect(seen({ attributes: marked('prod', [READY_ATTRIBUTE, 'true']) })).toEqual([]);
    const ready = facts([instance(1), instance(2, { attributes: marked('prod', [READY_ATTRIBUTE, 'true']) })]);
    expect(wakes([instance(1), instance(2, { attributes: marked('prod') })], [], ready)).toEqual([]);
  });

  test('everyone when a draining host gets rid of a foreign task, and nobody when an active one does', () => {
    const busy = (status: string, foreignTasks: number) => [instance(1), instance(2, { status, foreignTasks })];
    expect(wakes(busy('DRAINING', 1), [], facts(busy('DRAINING', 2)))).toEqual(all('drift'));
    expect(wakes(busy('ACTIVE', 1), [], facts(busy('ACTIVE', 2)))).toEqual([]);
  });

  test.each<[string, readonly Task[]]>([
    ['stopped', [task(1), stopped(2)]],
    ['vanished', [task(1)]],
    ['appeared', [task(1), task(2), task(3)]],
    ['is to stop', [task(1), task(2, { desiredStatus: 'STOPPED' })]],
    ['is ill', [task(1), task(2, { health: 'UNHEALTHY' })]],
  ])('only whose task %s', (_, tasks) => {
    expect(wakes(hosts, tasks)).toEqual([[AGENT.id, 'drift']]);
  });
});

test('whomToWake: who adopts a task is woken for it, whatever its group', () => {
  const web = (changes: Partial<Task> = {}) => task(9, { group: 'service:web', ...changes });
  const before = facts([instance(1)], [], { tasks: new Map([['service:web', [web()]]]) });
  const adopter = stored(spec('adopter', { adopt: { kind: 'service', value: 'web' } }));
  const woken = (...tasks: readonly Task[]) =>
    whomToWake(before, { instances: [instance(1)], tasks }, [stored(AGENT), adopter]).map(
      ({ environment }) => environment,
    );
  expect(woken(web())).toEqual([]);
  expect(woken(web({ lastStatus: 'STOPPED' }))).toEqual([adopter.value.id]);
  expect(woken()).toEqual([adopter.value.id]);
});

describe('surveyCluster', () => {
  interface Parts {
    readonly standing?: Standing | null;
    readonly specs?: readonly EnvironmentSpec[];
    readonly publishes?: boolean;
    readonly reads?: number;
    readonly listing?: 'fails';
    readonly hosts?: readonly Instance[];
    /** What the listing before showed. */
    readonly known?: Facts | null;
  }
  function parts({
    standing = null,
    specs = [AGENT],
    publishes = true,
    reads = 400,
    listing,
    hosts = [instance(1)],
    known = null,
  }: Parts) {
    const calls: string[] = [];
    const published: Generation[] = [];
    const deps: SurveyDeps = {
      store: {
        inventory: async () => {
          calls.push('inventory');
          return {
            revision: as<Revision>(7),
            storeId: 'store',
            specs: specs.map((one) => stored(one)),
            unreadable: [],
          };
        },
      },
      facts: {
        standing: async () => standing,
        read: async () => known,
        publish: async (generation, replaces) => {
          expect(replaces).toBe(standing);
          calls.push('publish');
          published.push(generation);
          return publishes;
        },
      },
      ecs: {
        survey: async (_, adopt) => {
          calls.push(['list', ...adopt.map(({ kind, value }) => `${kind} ${value}`)].join(' '));
          if (listing === 'fails') throw new EcsReadError({ code: 'AccessDeniedException', message: 'no' });
          return { instances: hosts, tasks: [task(1)], reads };
        },
      },
      mailbox: {
        wake: async (environment) => {
          calls.push(`wake ${environment}`);
          return true;
        },
      },
      now: () => NOW,
      intervalMs: 10_000,
    };
    return { calls, published, deps };
  }
  const survey = (given: Parts, cluster: ClusterArn = CLUSTER) => {
    const { calls, published, deps } = parts(given);
    return { calls, published, ending: surveyCluster(cluster, deps, new AbortController().signal) };
  };

  test('V1: the revision is read before the listing begins, and published with it', async () => {
    const { calls, published, ending } = survey({});
    await ending;
    expect(calls).toEqual(['inventory', 'list', 'publish', `wake ${AGENT.id}`]);
    expect(published).toEqual([
      {
        cluster: CLUSTER,
        startedAt: NOW,
        revision: 7,
        storeId: 'store',
        instances: [instance(1)],
        tasks: [task(1)],
        reads: 400,
      },
    ]);
  });

  test('V2: one listing serves every environment of the cluster, one being deleted included, and no other', async () => {
    const leaving = spec('leaving', { deletion: { requestedAt: NOW, tasks: 'stop' } });
    const { calls, ending } = survey({ specs: [AGENT, leaving, spec('far', { cluster: as('elsewhere') })] });
    expect(await ending).toMatchObject({ kind: 'done', woken: 2 });
    expect(calls.filter((call) => call === 'list')).toHaveLength(1);
  });

  test.each<[string, boolean, Parts]>([
    ['nobody asked for it', false, {}],
    ['an environment is required', true, { specs: [AGENT, spec('agent', { required: true })] }],
    ['one that has no tasks yet is', false, { specs: [spec('agent', { required: true, target: null })] }],
    [
      'a single host carries a mark',
      true,
      { hosts: [instance(1, { attributes: new Map([[READY_ATTRIBUTE, 'true']]) }), instance(2)] },
    ],
  ])('whether hosts may have to be marked ready: %s', async (_, readiness, given) => {
    expect(await survey(given).ending).toMatchObject({ kind: 'done', readiness });
  });

  test('a listing is told what environments of the cluster adopt, also those not deployed yet', async () => {
    const adopter = spec('adopter', { adopt: { kind: 'family', value: 'agent' }, target: null });
    const far = spec('far', { cluster: as('elsewhere'), adopt: { kind: 'family', value: 'far' } });
    const { calls, ending } = survey({ specs: [AGENT, adopter, far] });
    await ending;
    expect(calls).toContain('list family agent');
  });

  test('without an environment nothing is listed', async () => {
    const { calls, ending } = survey({ specs: [] });
    expect(await ending).toEqual({ kind: 'unwatched' });
    expect(calls).toEqual(['inventory']);
  });

  test.each<[string, Facts, number]>([
    ['nobody when it shows the same', facts([instance(1)], [task(1)]), 0],
    ['whom it concerns when it shows something else', facts([instance(1)], []), 1],
    ['everyone when that was of another store', facts([instance(1)], [task(1)], { storeId: 'another' }), 2],
  ])('against the listing before it wakes %s', async (_, known, woken) => {
    expect(await survey({ specs: [AGENT, OTHER], known }).ending).toMatchObject({ woken });
  });

  test('a listing that fails publishes nothing and wakes nobody', async () => {
    const { calls, published, ending } = survey({ listing: 'fails' });
    await expect(ending).rejects.toThrow('AccessDeniedException');
    expect([calls, published]).toEqual([['inventory', 'list'], []]);
  });

  test('what was not published wakes nobody', async () => {
    const { ending } = survey({ publishes: false });
    expect(await ending).toMatchObject({ published: false, woken: 0 });
  });

  test.each<[string, Parts, number]>([
    ['an interval later', { reads: 5 }, 10],
    ['or when its reads are paid for: half of the bucket is ten a second', { reads: 400 }, 40],
    [
      'as soon as they are, when it was not published: who asked for it is still without',
      { reads: 5, publishes: false },
      0.5,
    ],
  ])('the next one is due %s', async (_, given, seconds) => {
    expect(await survey(given).ending).toMatchObject({ again: ago(-seconds) });
  });

  test.each([
    ['waits until the last one is paid for', { startedAt: ago(5), reads: 200 }, ago(-15)],
    ['waits for no interval', { startedAt: ago(5), reads: 10 }, null],
    ['does not wait for a clock that was ahead', { startedAt: ago(-3_600), reads: 200 }, null],
  ])('V3: a survey %s', async (_, last, again) => {
    const { calls, ending } = survey({ standing: { id: 'last', ...last } });
    if (again === null) expect(await ending).toMatchObject({ kind: 'done' });
    else {
      expect(await ending).toEqual({ kind: 'early', again });
      expect(calls).toEqual([]);
    }
  });

  test.each<[string, Omit<Standing, 'id'> | null, boolean]>([
    ['none', null, true],
    ['one of two intervals ago', { startedAt: ago(20), reads: 5 }, true],
    ['one that may still be followed in time', { startedAt: ago(19), reads: 5 }, false],
    ['one whose reads take longer to pay for', { startedAt: ago(20), reads: 101 }, false],
    ['one of the future', { startedAt: ago(-1), reads: 5 }, true],
  ])('V3: whether a sweep asks, when the last is %s: %#', (_, last, asks) => {
    const standing = last === null ? null : { id: 'last', ...last };
    expect(isOverdue(standing, { now: () => NOW, intervalMs: 10_000 })).toBe(asks);
  });
});
