/** Where the insight looks, and what it says when somebody does not answer. */
import { expect, test } from 'vitest';
import { AlarmsUnavailableError, type AlarmSource } from '../../src/alarms/alarms.ts';
import type { Facts } from '../../src/domain/facts.ts';
import type { EnvironmentName, Revision } from '../../src/domain/ids.ts';
import { as } from '../../src/domain/ids.ts';
import type { World } from '../../src/domain/world.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import { InsightUnavailableError } from '../../src/insight/insight.ts';
import { plannerInsight, type InsightDeps } from '../../src/insight/planner-insight.ts';
import { FactsUnavailableError } from '../../src/store/facts-store.ts';
import { facts, host, NOW, POLICY, slot, world, type Scene } from '../planner/fixtures.ts';
import { rolling } from '../planner/rollout-scenes.ts';
import { CALL_LIMITS, NEEDS, ROOM } from './scenes.ts';

const NAME = as<EnvironmentName>('agent');
/** When the environment was read, by the store. */
const INSPECTED = as<Revision>(1_000_000);
const FAULT = { code: 'ThrottlingException', message: 'Rate exceeded' };

interface Parts {
  readonly world?: World | null;
  readonly facts?: () => Promise<Facts | null>;
  readonly ecs?: Partial<InsightDeps['ecs']>;
  readonly alarms?: AlarmSource['states'];
}

function insightOf(scene: Scene, parts: Parts = {}) {
  const seen = parts.world === undefined ? world(scene) : parts.world;
  const deps: InsightDeps = {
    store: {
      inspect: () => Promise.resolve(seen === null ? null : { world: seen, storeId: 'store', revision: INSPECTED }),
      history: () => Promise.resolve([]),
      read: () => Promise.resolve(seen),
    },
    facts: { read: parts.facts ?? (() => Promise.resolve(scene.facts ?? null)) },
    ecs: {
      taskDefinitionStatus: () => Promise.resolve('ACTIVE'),
      taskDefinition: () =>
        Promise.resolve({ needs: NEEDS } as Awaited<ReturnType<InsightDeps['ecs']['taskDefinition']>>),
      capacities: (_, arns) => Promise.resolve(new Map(arns.map((arn) => [arn, ROOM]))),
      ...parts.ecs,
    },
    alarms: { states: parts.alarms ?? ((names) => Promise.resolve(new Map(names.map((name) => [name, 'OK'])))) },
    policy: POLICY,
    callLimits: CALL_LIMITS,
    now: () => NOW,
  };
  return plannerInsight(deps);
}

const scene = rolling(2, { progress: null });
const asItIs = (): null => null;

test('hosts, status and plan of an environment', async () => {
  const insight = insightOf(scene);
  expect((await insight.hosts(NAME))?.map(({ instance }) => instance)).toEqual([host(1), host(2)]);
  expect(await insight.status(NAME)).toMatchObject({ desired: 2 });
  expect(await insight.foretell(NAME, asItIs)).toMatchObject({ ending: 'completed' });
});

test.each([
  ['does not exist', null],
  ['is being deleted', world({ deletion: 'stop' })],
])('an environment that %s has none', async (_, gone) => {
  const insight = insightOf(scene, { world: gone });
  expect(await insight.hosts(NAME)).toBeNull();
  expect(await insight.status(NAME)).toBeNull();
  expect(await insight.foretell(NAME, asItIs)).toBeNull();
});

test.each<[string, Partial<Facts>]>([
  ['another store', { storeId: 'another' }],
  ['a history that was set back since', { revision: as<Revision>(INSPECTED + 1) }],
])('facts of %s are no facts: there is nothing to say of hosts, and no plan', async (_, of) => {
  const insight = insightOf(scene, { facts: () => Promise.resolve(facts([], [], of)) });
  expect((await insight.hosts(NAME))?.every(({ waitingFor }) => waitingFor === 'facts')).toBe(true);
  await expect(insight.foretell(NAME, asItIs)).rejects.toThrow(InsightUnavailableError);
});

test('without facts a deployed environment has no counts; one that never was has none to tell of', async () => {
  const gone = () => Promise.reject(new FactsUnavailableError('gone'));
  const insight = insightOf(scene, { facts: gone });
  await expect(insight.status(NAME)).rejects.toThrow(InsightUnavailableError);
  const undeployed = insightOf({ spec: { target: null } }, { facts: gone });
  expect(await undeployed.status(NAME)).toMatchObject({ desired: 0 });
  await expect(insight.foretell(NAME, asItIs)).rejects.toThrow('the hosts of the cluster are not known yet');
});

test('a host is known by the facts or by what it was given; without facts nobody can say', async () => {
  const insight = insightOf({ ...scene, slots: [...(scene.slots ?? []), slot(3)] });
  expect(await Promise.all([1, 3, 4].map((n) => insight.knows(NAME, host(n))))).toEqual([true, true, false]);
  const blind = insightOf(scene, { facts: () => Promise.reject(new FactsUnavailableError('gone')) });
  expect(await blind.knows(NAME, host(4))).toBeNull();
  expect(await insightOf(scene, { world: null }).knows(NAME, host(1))).toBeNull();
});

test('a plan needs the capacities; without a definition it is told that nothing is taken away', async () => {
  const silent = () => Promise.reject(new EcsReadError(FAULT));
  await expect(insightOf(scene, { ecs: { capacities: silent } }).foretell(NAME, asItIs)).rejects.toThrow(
    /^ECS did not tell: .*Rate exceeded/,
  );
  const blind = insightOf(scene, { ecs: { taskDefinitionStatus: silent } });
  expect(await blind.foretell(NAME, asItIs)).toMatchObject({ calls: { stopTask: 0 } });
});

test('alarms that are not told hold the rollout, and the hosts say so', async () => {
  const watched = rolling(2, { configuration: { alarms: ['errors'] } });
  const insight = insightOf(watched, { alarms: () => Promise.reject(new AlarmsUnavailableError(FAULT)) });
  expect((await insight.hosts(NAME))?.map(({ waitingFor }) => waitingFor)).toEqual(['alarms', 'alarms']);
});

test('what is no answer of ECS or CloudWatch is a bug, and is not hidden', async () => {
  const broken = () => Promise.reject(new TypeError('a bug'));
  await expect(insightOf(scene, { ecs: { taskDefinitionStatus: broken } }).hosts(NAME)).rejects.toThrow(TypeError);
});
