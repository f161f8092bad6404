/** Plays of rollouts over the scenes of the planner's tests. */
import type { HostCapacity, TaskNeeds } from '../../src/domain/capacity.ts';
import type { Facts } from '../../src/domain/facts.ts';
import type { InstanceArn, TaskDefinitionArn } from '../../src/domain/ids.ts';
import { Foretelling, type Premises } from '../../src/insight/foretelling.ts';
import { foretold, type CallLimits } from '../../src/insight/foretold.ts';
import type { Foretold, ForetoldHost } from '../../src/insight/insight.ts';
import { facts, host, NOW, POLICY, world, type Scene } from '../planner/fixtures.ts';

export const NEEDS: TaskNeeds = { cpu: 100, memory: 100, gpus: 0, tcpPorts: [], udpPorts: [], attributes: [] };
export const ROOM: HostCapacity = {
  cpu: 1_000,
  memory: 1_000,
  gpus: 0,
  tcpPortsTaken: new Set(),
  udpPortsTaken: new Set(),
  attributes: new Map(),
};

/** ECS's own. */
export const CALL_LIMITS: CallLimits = { burst: 100, perSecond: 40 };

export interface PlayParts {
  readonly capacities?: ReadonlyMap<InstanceArn, HostCapacity>;
  readonly needs?: ReadonlyMap<TaskDefinitionArn, TaskNeeds>;
  readonly inactive?: readonly TaskDefinitionArn[];
  readonly alarms?: Premises['alarms'];
  readonly facts?: Facts;
  readonly callLimits?: CallLimits;
}

/** Plays the scene to its end. */
export function foretell(scene: Scene, parts: PlayParts = {}): Foretold {
  const premises: Premises = {
    world: world(scene),
    facts: parts.facts ?? scene.facts ?? facts([]),
    capacities: parts.capacities ?? new Map(),
    needs: parts.needs ?? new Map(),
    inactive: new Set(parts.inactive),
    alarms: parts.alarms ?? new Map(),
    policy: POLICY,
    now: NOW,
  };
  const play = new Foretelling(premises);
  while (play.step());
  return foretold(play, { ...premises, callLimits: parts.callLimits ?? CALL_LIMITS });
}

export const onHost = ({ hosts }: Foretold, n: number): ForetoldHost | undefined =>
  hosts.find(({ instance }) => instance === host(n));

/** `action launches/stops` of each host, in order. */
export const deedsOf = ({ hosts }: Foretold): readonly string[] =>
  hosts.map(({ action, launches, stops }) => `${action} ${launches}/${stops}`);
