/** What people deploy: task definitions, good and bad, and revisions drawn by chance. */
import type { DeploymentConfiguration, EnvironmentRevision, WaveConfiguration } from '../src/domain/revision.ts';
import { DEFAULT_CONFIGURATION } from '../src/domain/revision.ts';
import { as, type Instant, type TaskDefinitionArn } from '../src/domain/ids.ts';
import type { EcsModel, HostSummary } from '../sim/model/model.ts';
import type { Chance } from './chance.ts';
import { EPOCH } from './process.ts';
import { ALARM, TASK_CPU, TIER, TIERS } from './world.ts';

export interface Definition {
  readonly arn: TaskDefinitionArn;
  readonly healthCheck: boolean;
  /** Its tasks fail by themselves, so soon that they are never ready. */
  readonly bad: boolean;
}

/** A task that exits does so before the longest of `MIN_READY_SECONDS` is over. */
const EXIT_AFTER_MS = 600;
const MIN_READY_SECONDS = [0, 0.3, 1] as const;
const LASTING_SECONDS = 1;
const ZONE = 'ecs.availability-zone';

interface Kind {
  readonly healthCheck?: boolean;
  /** Its check never says anything, for or against. */
  readonly silent?: boolean;
  readonly environment?: readonly { readonly name: string; readonly value: string }[];
}

/** The first two are good and plain: environments begin with one of them. */
const KINDS: readonly Kind[] = [
  {},
  {},
  { healthCheck: true },
  { environment: [{ name: 'SIM_EXIT_AFTER_MS', value: String(EXIT_AFTER_MS) }] },
  { environment: [{ name: 'SIM_FAIL_TO_START', value: '1' }] },
  { healthCheck: true, environment: [{ name: 'SIM_UNHEALTHY', value: '1' }] },
  { healthCheck: true, silent: true },
];
const PLAIN = 2;

export interface Definitions {
  readonly plain: readonly Definition[];
  readonly good: readonly Definition[];
  readonly bad: readonly Definition[];
}

/** Registers them all; `arnOf` tells the ARN of a revision of their family. */
export function defineTasks(model: EcsModel, arnOf: (revision: number) => TaskDefinitionArn): Definitions {
  const all = KINDS.map(({ healthCheck = false, silent = false, environment = [] }, index): Definition => {
    const container = { name: 'main', image: 'busybox', cpu: TASK_CPU, memory: 64, environment };
    const check = healthCheck && !silent ? { healthCheck: { command: ['CMD', 'true'] } } : {};
    const body = { family: 'daemon', containerDefinitions: [{ ...container, ...check }] };
    model.apply(EPOCH, { operation: 'RegisterTaskDefinition', body });
    return { arn: arnOf(index + 1), healthCheck, bad: silent || environment.length > 0 };
  });
  return { plain: all.slice(0, PLAIN), good: all.filter(({ bad }) => !bad), bad: all.filter(({ bad }) => bad) };
}

export interface Draft {
  readonly definition: Definition;
  readonly query: string | null;
  readonly configuration: DeploymentConfiguration;
}

/** Equal content is the same revision. */
export const revisionOf = ({ definition, query, configuration }: Draft, createdAt: Instant): EnvironmentRevision => ({
  id: as(`${definition.arn} ${query ?? '*'} ${JSON.stringify(configuration)}`),
  template: as(definition.arn),
  taskDefinition: definition.arn,
  healthCheck: definition.healthCheck,
  networkConfiguration: null,
  query,
  configuration,
  createdAt,
});

/** How an environment is rolled out where nothing else is said. */
export const usual = (definition: Definition): Draft => ({
  definition,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
});

/** Durations are as much shorter than in life as the policy's. */
export function configurationBy(chance: Chance): DeploymentConfiguration {
  return {
    maxUnavailable: chance.pick([1, 1, 2, '10%', '50%', '100%'] as const) ?? 1,
    waves: wavesBy(chance),
    minReadySeconds: chance.pick(MIN_READY_SECONDS) ?? 0,
    failures: chance.pick([null, 3, 4, '100%'] as const) ?? null,
    waveDeadlineMinutes: chance.happens(0.15) ? 0.2 : null,
    alarms: chance.happens(0.3) ? [ALARM] : [],
    rollback: chance.happens(0.7) ? 'auto' : 'pause',
  };
}

/** As somebody has it who expects the worst: canaries, and a breaker that trips soon. */
export function carefulBy(chance: Chance): DeploymentConfiguration {
  const configuration = configurationBy(chance);
  const [, ...others] = configuration.waves;
  const canary: WaveConfiguration = {
    of: { kind: 'canary', hosts: chance.int(1, 2) },
    promote: 'auto',
    bakeMinutes: 0,
  };
  return { ...configuration, waves: [canary, ...others], minReadySeconds: LASTING_SECONDS, failures: 3 };
}

function wavesBy(chance: Chance): readonly WaveConfiguration[] {
  const waves: WaveConfiguration[] = [];
  const add = (of: WaveConfiguration['of']): void => {
    const promote = chance.happens(0.2) ? 'manual' : 'auto';
    waves.push({ of, promote, bakeMinutes: chance.pick([0, 0.005, 0.02]) ?? 0 });
  };
  if (chance.happens(0.6)) add({ kind: 'canary', hosts: chance.pick([1, 2, '30%'] as const) ?? 1 });
  if (chance.happens(0.3)) add({ kind: 'attribute', name: ZONE });
  return waves;
}

/** A revision that can never become ready, with a breaker and behind a canary: on so many hosts it may run. null: nothing is said. */
export function canariesOf({ definition, configuration }: Draft): number | null {
  const { waves, failures, minReadySeconds } = configuration;
  const first = waves[0]?.of;
  if (!definition.bad || first?.kind !== 'canary' || typeof first.hosts !== 'number') return null;
  return failures === null || minReadySeconds < LASTING_SECONDS ? null : first.hosts;
}

export const queryBy = (chance: Chance): string | null =>
  chance.happens(0.5) ? null : `attribute:${TIER} == ${chance.pick(TIERS) ?? ''}`;

/** The queries of `queryBy`, read without the product's help. */
export const covers = (query: string | null, host: HostSummary): boolean =>
  query === null || host.attributes[TIER] === query.split(' ').at(-1);
