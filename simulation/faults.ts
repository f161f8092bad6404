/** What can go wrong, and how often: by call, or by second. */
import { Chance } from './chance.ts';

/** At each opportunity, with the probability that the mix gives. */
const BY_OPPORTUNITY = {
  'killed before a call': 'the process dies at an await, its request not sent',
  'killed after a call': 'the process dies with its request under way',
  frozen: 'the process stands still, and goes on where it was',
  'lock lost': 'a second activation begins while the first goes on',
  'handed over': 'a running activation is told to stop, and another begins',
  'wake lost': 'a wake-up vanishes',
  'wake doubled': 'a wake-up comes twice',
  'wake delayed': 'a wake-up comes seconds later, behind others',
  'claim reply lost': 'the fence is taken, and nobody hears of it',
  'commit reply lost': 'the transaction lands, and its reply is lost',
  'commit lost': 'the transaction never lands, and nobody is told',
  'commit late': 'the transaction lands, or is fenced off, after its caller gave up',
  'facts late': 'Redis takes a second to answer',
  'emptied while publishing': 'FLUSHALL in the middle of a publication: facts, wake-ups and timers are gone',
  'set back while publishing': 'a restart of Redis loses the last pieces of a publication',
  'reply lost': 'ECS carries the call out, and its reply is lost',
  'call lost': 'the call never reaches ECS',
  'call late': 'the call reaches ECS after its caller gave up, as late as its signature allows',
  'reply slow': 'ECS takes its time, within the timeout',
  'error before': 'ECS answers 500 and has done nothing',
  'error after': 'ECS answers 500 and has done it',
  throttled: 'ECS refuses the call for its rate',
  refused: 'ECS refuses the call itself',
  conflict: 'ECS names the tasks of the token instead of showing them',
  'read failed': 'a read of ECS ends in an error',
  'read lags': 'a read of ECS does not see the youngest tasks',
  'budget short': 'no token for a while',
  'alarms unreadable': 'CloudWatch does not answer',
} as const;

/** So many times a second, to machines and tasks. */
const IN_THE_CLUSTER = {
  'task exits': 'a task ends by itself',
  'task stopped': 'a person stops a task of ours',
  'host joins': 'a new machine registers',
  'host drains': 'a host is set DRAINING',
  'host activated': 'a DRAINING host is set ACTIVE',
  'host filled': 'a task of somebody else takes the room on a host',
  'agent flaps': 'an agent disconnects for a moment',
  'agent disconnects': 'an agent disconnects for seconds',
  'host registers again': 'an agent without memory registers its machine anew; the old registration stays',
  'host replaced': 'a registration goes, and its machine registers anew',
  'host vanishes': 'a machine is gone',
  'host relabelled': 'the attribute that environments select hosts by gets another value',
  'alarm fires': 'the alarm that rollouts watch fires for a moment',
} as const;

/** So many times a second, to us. */
const TO_US = {
  'store away': 'the store answers nobody for a while',
  'Redis away': 'Redis answers nobody for a while',
  'Redis emptied': 'FLUSHALL: facts, wake-ups and timers are gone',
  'facts stale': 'a failover brings an older generation of facts back',
  'survey doubled': 'a second survey begins beside the first',
  deployment: 'a person deploys',
  deletion: 'a person deletes an environment and its tasks',
  'deletion, tasks kept': 'a person deletes an environment and keeps its tasks',
} as const;

/** So many times a second, to rollouts. */
const OF_ROLLOUTS = {
  update: 'a person changes an environment, most often in its task definition, and deploys it',
  supersede: 'the same, while a deployment is under way',
  restart: 'a person has every task made anew',
  rollback: 'a person rolls back',
  pause: 'a person pauses a rollout',
  resume: 'a person resumes one',
  promote: 'a person opens the next wave',
  cancel: 'a person cancels a rollout',
  freeze: 'a person freezes an environment',
  thaw: 'a person thaws one',
  exclude: 'a person excludes a host',
  include: 'a person includes one again',
  retry: 'a person has a host tried again',
} as const;

type ByOpportunity = keyof typeof BY_OPPORTUNITY;
export type ClusterEvent = keyof typeof IN_THE_CLUSTER;
export type RolloutOrderKind = keyof typeof OF_ROLLOUTS;
export type BySecond = ClusterEvent | RolloutOrderKind | keyof typeof TO_US;
export type FaultKind = ByOpportunity | BySecond;

const CLUSTER_EVENTS = Object.keys(IN_THE_CLUSTER) as readonly ClusterEvent[];
const ROLLOUT_ORDERS = Object.keys(OF_ROLLOUTS) as readonly RolloutOrderKind[];
export const BY_SECOND_KINDS: readonly BySecond[] = [
  ...CLUSTER_EVENTS,
  ...(Object.keys(TO_US) as (keyof typeof TO_US)[]),
  ...ROLLOUT_ORDERS,
];
/** Every kind, and what it is. */
export const FAULTS: Readonly<Record<FaultKind, string>> = {
  ...BY_OPPORTUNITY,
  ...IN_THE_CLUSTER,
  ...TO_US,
  ...OF_ROLLOUTS,
};
export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export const isClusterEvent = (kind: BySecond): kind is ClusterEvent => CLUSTER_EVENTS.includes(kind as ClusterEvent);
export const isOfRollouts = (kind: BySecond): kind is RolloutOrderKind =>
  ROLLOUT_ORDERS.includes(kind as RolloutOrderKind);

/** A probability for what happens by opportunity, times a second for the rest. What is left out never happens. */
export type Rates = Partial<Record<FaultKind, number>>;

export class Faults {
  readonly counts = new Map<string, number>();
  private readonly rates: Rates;
  private readonly streams = new Map<FaultKind, Chance>();
  private over = false;

  constructor({ chance, rates, without }: { chance: Chance; rates: Rates; without: readonly FaultKind[] }) {
    this.rates = Object.fromEntries(Object.entries(rates).filter(([kind]) => !without.includes(kind as FaultKind)));
    // A stream of its own for each: to switch one off leaves the others' chances as they were.
    for (const kind of FAULT_KINDS) this.streams.set(kind, chance.fork(kind));
  }

  /** Whether it goes wrong here. */
  strikes(kind: ByOpportunity): boolean {
    const rate = this.rates[kind] ?? 0;
    if (this.over || rate === 0 || !this.chanceOf(kind).happens(rate)) return false;
    this.note(kind);
    return true;
  }

  /** Milliseconds until it happens next; null: never. */
  nextIn(kind: BySecond): number | null {
    const rate = this.rates[kind] ?? 0;
    return rate === 0 ? null : (-Math.log(1 - this.chanceOf(kind).unit()) / rate) * 1_000;
  }

  chanceOf(kind: FaultKind): Chance {
    return this.streams.get(kind) ?? new Chance(0, kind);
  }

  note(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  get ended(): boolean {
    return this.over;
  }

  /** From here on nothing goes wrong any more. */
  end(): void {
    this.over = true;
  }
}
