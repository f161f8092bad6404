/** A turn of an environment's actor, with everything around it faked. */
import { ReadingRoom } from '../../src/actors/reading-room.ts';
import { takeTurn, type TurnDeps } from '../../src/actors/turn.ts';
import type { AlarmState, Facts } from '../../src/domain/facts.ts';
import { as, type Instant, type Revision } from '../../src/domain/ids.ts';
import type { LaunchOutcome, StopOutcome } from '../../src/domain/plan.ts';
import type { World } from '../../src/domain/world.ts';
import type { LaunchCall } from '../../src/ecs/gateway.ts';
import type { ClaimResult, CommitResult } from '../../src/store/store.ts';
import { facts, host, instance, minting, NOW, POLICY, task, taskArn, world } from '../planner/fixtures.ts';

const COMMITTED: CommitResult = { kind: 'committed' };
export const DONE = {
  kind: 'done',
  tasks: [{ arn: taskArn(1), instance: host(1) }],
  failures: [],
} satisfies LaunchOutcome;
export const throwing = (error: Error) => (): never => {
  throw error;
};

interface Parts {
  readonly claim?: ClaimResult;
  readonly world?: World;
  readonly facts?: () => Facts | null;
  readonly intents?: CommitResult;
  readonly outcomes?: CommitResult;
  readonly rollBack?: CommitResult;
  readonly alarms?: () => ReadonlyMap<string, AlarmState>;
  readonly describe?: () => void;
  /** Whether a poll gets through. */
  readonly polls?: boolean;
  readonly outcome?: LaunchOutcome;
  readonly stop?: StopOutcome;
  readonly room?: ReadingRoom;
  readonly signal?: AbortSignal;
}

/** `calls`: what the turn did, in order. */
export function turn(parts: Parts) {
  const calls: string[] = [];
  const launched: LaunchCall[] = [];
  const woken: Instant[] = [];
  const call = <T>(name: string, result: T): T => {
    calls.push(name);
    return result;
  };
  const claim: ClaimResult = parts.claim ?? {
    kind: 'claimed',
    claim: {
      world: parts.world ?? world(),
      storeId: 'store',
      fence: as<Revision>(200),
      commitIntents: async (groups) => call(`intents ${kinds(groups)}`, parts.intents ?? COMMITTED),
      commitOutcomes: async (groups) => call(`outcomes ${kinds(groups)}`, parts.outcomes ?? COMMITTED),
      rollBack: async ({ deployment }) => call(`roll back by ${deployment.kind}`, parts.rollBack ?? COMMITTED),
      remove: async () => call('remove', COMMITTED),
    },
  };
  const kinds = (groups: readonly (readonly { readonly kind: string }[])[]): string =>
    [...new Set(groups.flat().map(({ kind }) => kind))].join(' ');
  const unused = throwing(new Error('not the turn’s business'));
  const deps: TurnDeps = {
    store: { claim: async () => call('claim', claim), inventory: unused },
    facts: {
      read: async () => (parts.facts ?? (() => facts([instance(1)])))(),
      standing: unused,
      publish: unused,
    },
    ecs: {
      launch: async (one) => {
        launched.push(one);
        return call('launch', parts.outcome ?? DONE);
      },
      stop: async ({ task }) => call(`stop ${task}`, parts.stop ?? { kind: 'done' }),
      describeTasks: async (_cluster, arns) => {
        calls.push(`describe ${arns.length} tasks`);
        parts.describe?.();
        return new Map(arns.map((arn) => [arn, task(1, { arn, lastStatus: 'PENDING' })]));
      },
      pollTasks: async (_cluster, arns) => {
        if (arns.length > 0) calls.push(`poll ${arns.length} tasks`);
        return new Map(parts.polls === false ? [] : arns.map((arn) => [arn, task(1, { arn, lastStatus: 'PENDING' })]));
      },
      describeInstances: async (_cluster, arns) => new Map(arns.map((arn) => [arn, 'MISSING'])),
      taskDefinitionStatus: async () => call('definition', 'ACTIVE'),
      capacities: unused,
      survey: unused,
      taskDefinition: unused,
      resolveCluster: unused,
      resolveTaskDefinition: unused,
    },
    alarms: {
      states: async (names) => {
        calls.push(`alarms ${names.join(' ')}`);
        return (parts.alarms ?? (() => new Map()))();
      },
    },
    mailbox: {
      wake: async (_environment, why) => call(`wake to ${why}`, true),
      wakeAt: async (_environment, at) => {
        woken.push(at);
        return call('wakeAt', true);
      },
      requestSurvey: async () => call('request survey', true),
    },
    room: parts.room ?? new ReadingRoom(),
    policy: POLICY,
    now: () => NOW,
    mint: minting(),
    holder: 'test',
  };
  const ending = takeTurn(as('environment-1'), deps, parts.signal ?? new AbortController().signal);
  return { calls, launched, woken, ending };
}
