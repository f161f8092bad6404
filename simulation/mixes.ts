import type { Rates } from './faults.ts';

interface Span {
  readonly least: number;
  readonly most: number;
}

export interface Mix {
  readonly doc: string;
  readonly rates: Rates;
  readonly distinctInstance?: 'off' | 'lagging' | 'strict';
  readonly primitive?: 'RunTask' | 'StartTask';
  /** How long things go wrong, where it is not as long as elsewhere. */
  readonly roughMs?: Span;
  /** Hosts in the beginning, and at most, where they are not as many as elsewhere. */
  readonly hosts?: Span;
}

const scaled = (rates: Rates, factor: number): Rates =>
  Object.fromEntries(Object.entries(rates).map(([kind, rate]) => [kind, rate * factor]));

/** A cluster goes on living also where nothing is wrong with us. */
const LIFE: Rates = {
  'task exits': 0.3,
  'host joins': 0.1,
  'host drains': 0.05,
  'host activated': 0.1,
  'host vanishes': 0.04,
  deployment: 0.08,
  deletion: 0.02,
  'deletion, tasks kept': 0.02,
};

const PROCESS: Rates = { 'killed before a call': 0.012, 'killed after a call': 0.012, frozen: 0.02 };

const ECS: Rates = {
  'reply lost': 0.12,
  'call lost': 0.06,
  'call late': 0.12,
  'reply slow': 0.1,
  'error before': 0.05,
  'error after': 0.06,
  throttled: 0.05,
  refused: 0.04,
  conflict: 0.6,
  'read failed': 0.05,
  'read lags': 0.35,
  'budget short': 0.08,
};

const STORE: Rates = {
  'claim reply lost': 0.05,
  'commit reply lost': 0.06,
  'commit lost': 0.04,
  'commit late': 0.06,
  'store away': 0.08,
};

const REDIS: Rates = {
  'Redis emptied': 0.15,
  'emptied while publishing': 0.06,
  'set back while publishing': 0.15,
  'Redis away': 0.06,
  'facts stale': 0.15,
  'facts late': 0.08,
  'survey doubled': 0.3,
};

const QUEUE: Rates = {
  'lock lost': 0.12,
  'handed over': 0.05,
  'wake lost': 0.15,
  'wake doubled': 0.15,
  'wake delayed': 0.15,
};

const HOSTS: Rates = {
  'task exits': 0.5,
  'task stopped': 0.15,
  'host joins': 0.2,
  'host drains': 0.15,
  'host activated': 0.3,
  'host filled': 0.12,
  'agent flaps': 0.3,
  'agent disconnects': 0.15,
  'host registers again': 0.15,
  'host replaced': 0.12,
  'host vanishes': 0.1,
};

const PEOPLE: Rates = { deployment: 0.25, deletion: 0.12, 'deletion, tasks kept': 0.16 };

/** Rollouts, and people who cannot leave them alone. */
const ROLLOUTS: Rates = {
  update: 0.35,
  supersede: 0.1,
  restart: 0.06,
  rollback: 0.06,
  pause: 0.12,
  resume: 0.3,
  promote: 0.15,
  cancel: 0.03,
  freeze: 0.06,
  thaw: 0.6,
  exclude: 0.06,
  include: 0.3,
  retry: 0.06,
  'host relabelled': 0.1,
  'alarm fires': 0.1,
};

const ALL: Rates = {
  ...LIFE,
  ...scaled(PROCESS, 0.8),
  ...scaled(ECS, 0.7),
  ...scaled(STORE, 0.6),
  ...scaled(REDIS, 0.7),
  ...scaled(QUEUE, 0.7),
  ...scaled(HOSTS, 0.7),
  ...scaled(PEOPLE, 0.7),
};

const ROLLOUT_MS: Span = { least: 9_000, most: 18_000 };
const ROLLOUT_HOSTS: Span = { least: 4, most: 8 };

/** Tasks that nobody has recorded yet: whoever trusts a listing too much doubles them. */
const SUCCESSORS: Rates = {
  'deletion, tasks kept': 0.6,
  deployment: 0.4,
  'task exits': 1.2,
  'task stopped': 0.8,
  'host joins': 0.1,
  'read lags': 0.5,
  'survey doubled': 0.6,
  'set back while publishing': 0.3,
  frozen: 0.04,
  'facts late': 0.1,
};

export const MIXES: Readonly<Record<string, Mix>> = {
  calm: { doc: 'a cluster that lives, and nothing wrong', rates: LIFE },
  ecs: { doc: 'calls to ECS and their replies go astray', rates: { ...LIFE, ...ECS } },
  store: { doc: 'etcd loses replies and goes away', rates: { ...LIFE, ...STORE, ...scaled(PROCESS, 0.5) } },
  queue: { doc: 'wake-ups lost, repeated, late; activations overlap', rates: { ...LIFE, ...QUEUE, ...REDIS } },
  process: { doc: 'workers die and freeze at every await', rates: { ...LIFE, ...PROCESS, ...scaled(ECS, 0.5) } },
  hosts: { doc: 'hosts come and go in every way', rates: { ...LIFE, ...HOSTS, ...scaled(ECS, 0.3) } },
  people: { doc: 'deployments, deletions and successors', rates: { ...LIFE, ...PEOPLE, ...scaled(ECS, 0.3) } },
  successors: {
    doc: 'environments of one name after the other, and surveys that are slow or half lost',
    rates: SUCCESSORS,
    roughMs: { least: 8_000, most: 14_000 },
  },
  deaf: {
    doc: 'no reply of ECS comes through for as long as it remembers a key',
    rates: { ...LIFE, 'reply lost': 0.95 },
    roughMs: { least: 22_000, most: 26_000 },
  },
  late: {
    doc: 'StartTask calls that arrive as late as can be, and listings that show them as late',
    rates: {
      ...LIFE,
      'budget short': 0.4,
      'call late': 0.6,
      'read lags': 0.9,
      'survey doubled': 0.5,
      'task exits': 0.6,
    },
    primitive: 'StartTask',
  },
  rollouts: {
    doc: 'rollouts, good and bad, and nothing wrong with us',
    rates: { ...ROLLOUTS, 'host joins': 0.08, 'task exits': 0.05 },
    roughMs: ROLLOUT_MS,
    hosts: ROLLOUT_HOSTS,
  },
  'rough-rollouts': {
    doc: 'rollouts, and everything wrong',
    rates: { ...scaled(ALL, 0.35), ...ROLLOUTS, 'alarms unreadable': 0.1 },
    roughMs: ROLLOUT_MS,
    hosts: ROLLOUT_HOSTS,
  },
  rollbacks: {
    doc: 'rollouts that fail, while etcd answers late and activations overlap',
    rates: { update: 0.4, 'alarm fires': 1.2, ...QUEUE, ...STORE, 'commit late': 0.2 },
    roughMs: ROLLOUT_MS,
    hosts: ROLLOUT_HOSTS,
  },
  rough: { doc: 'a little of everything', rates: { ...LIFE, ...scaled(ALL, 0.4) } },
  all: { doc: 'much of everything', rates: { ...ALL, ...scaled(ROLLOUTS, 0.4) } },
  'start-task': { doc: 'the same with StartTask, which has no idempotency key', rates: ALL, primitive: 'StartTask' },
  lagging: { doc: 'the same with distinctInstance seeing older tasks', rates: ALL, distinctInstance: 'lagging' },
  strict: { doc: 'the same with distinctInstance seeing every task', rates: ALL, distinctInstance: 'strict' },
};

const COMMON: readonly string[] = [
  'calm',
  'ecs',
  'store',
  'queue',
  'process',
  'hosts',
  'people',
  'rough',
  'all',
  'all',
  'start-task',
  'all',
  'lagging',
  'ecs',
  'process',
  'strict',
  'successors',
  'late',
  'rollouts',
  'rough-rollouts',
  'rollbacks',
];

/** What a suite goes through, seed by seed. The slow one comes once in a long while. */
export const ROUND: readonly string[] = [...COMMON, ...COMMON, 'deaf'];

export const mixOfSeed = (seed: number): string => ROUND[seed % ROUND.length] ?? 'all';
