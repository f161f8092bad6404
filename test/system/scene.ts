/** A cluster of its own with an environment on it: many tests share a stack and do not see each other. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { mostWithout } from '../../bench/availability.ts';
import {
  addHosts,
  completed,
  createEnvironment,
  deploy,
  environmentOf,
  eventually,
  json,
  ledgerOf,
  register,
  startStack,
  type EnvironmentOptions,
  type Host,
  type LedgerTask,
  type Stack,
  type StackOptions,
} from './stack.ts';

export interface Scene {
  readonly stack: Stack;
  readonly name: string;
  readonly cluster: string;
  readonly hosts: readonly Host[];
  /** Definitions of a family of its own: what it runs first, and what it is updated to. */
  readonly old: string;
  readonly next: string;
}

interface SceneOptions extends EnvironmentOptions {
  /** So many, or one for each of these attributes. */
  readonly hosts: number | readonly { readonly [attribute: string]: string }[];
}

export interface Stage {
  readonly stack: Stack;
  /** Hosts that are not covered yet. */
  empty(options: SceneOptions): Promise<Scene>;
  /** Hosts that have the old definition. */
  covered(options: SceneOptions): Promise<Scene>;
}

/** A stack for the tests of a file, which may run at the same time. No host ever has two tasks there. */
export function stage(simulator: StackOptions['simulator'] = {}): Stage {
  let stack: Stack | null = null;
  beforeAll(async () => {
    stack = await startStack({
      simulator: { distinctInstance: 'off', events: true, taskStartMs: 50, taskStopMs: 50, ...simulator },
      flags: ['--role=api'],
    });
    await stack.start([
      '--role=worker',
      `--sqs-queue-url=${stack.simulator.queueUrl}`,
      '--survey-interval=500',
      '--sweep-interval=1000',
    ]);
  });
  afterAll(async () => {
    if (stack === null) return;
    const { maxLivePerHostAndGroup } = await ledgerOf(stack);
    await stack.close();
    expect(maxLivePerHostAndGroup).toBeLessThanOrEqual(1);
  });
  const started = (): Stack => {
    if (stack === null) throw new Error('not started yet');
    return stack;
  };
  return {
    get stack() {
      return started();
    },
    empty: (options) => emptyScene(started(), options),
    async covered(options) {
      const set = await emptyScene(started(), options);
      await deploy(set.stack, await environmentOf(set.stack, set.name));
      await completed(set.stack, set.name);
      return set;
    },
  };
}

async function emptyScene(stack: Stack, { hosts, ...options }: SceneOptions): Promise<Scene> {
  const name = `e-${randomUUID().slice(0, 8)}`;
  const cluster = `c-${name}`;
  const added: Host[] = [];
  for (const attributes of typeof hosts === 'number' ? [] : hosts) {
    added.push(...(await addHosts(stack, 1, { cluster, attributes })));
  }
  if (typeof hosts === 'number') added.push(...(await addHosts(stack, hosts, { cluster })));
  const old = await register(stack, name);
  await createEnvironment(stack, name, { taskDefinition: old, ...options, cluster });
  return { stack, name, cluster, hosts: added, old, next: await register(stack, name) };
}

/** All tasks it ever had, in order of their creation. */
export const tasksOf = ({ stack, name }: Scene): readonly LedgerTask[] =>
  // Read in this process: many tests ask at the same time, again and again.
  stack.simulator.model.ledger(Date.now()).tasks.filter(({ group }) => group === `daemon:${name}`);

export const liveOf = (set: Scene): readonly LedgerTask[] => tasksOf(set).filter(({ stoppedAt }) => stoppedAt === null);

/** ARNs of what runs, by host. */
export const arnsOf = (set: Scene): ReadonlyMap<string, string> =>
  new Map(liveOf(set).map(({ containerInstanceArn, taskArn }) => [containerInstanceArn, taskArn]));

/** How many live tasks there are of a definition. */
export const countOf = (set: Scene, definition: string): number =>
  liveOf(set).filter(({ taskDefinitionArn }) => taskDefinitionArn === definition).length;

export const count = (set: Scene, definition: string, wanted: number): Promise<number> =>
  eventually(
    async () => countOf(set, definition),
    (tasks) => tasks === wanted,
    `${wanted} tasks of ${definition}`,
  );

/** The most hosts that were without a task at once since then. */
export const mostWithoutSince = (set: Scene, from: number): number =>
  mostWithout(tasksOf(set), { from, to: Infinity, stopMs: set.stack.taskStopMs });

/** What a reader is told about a host. */
export interface HostInsight {
  readonly instance: string;
  readonly state: string;
  readonly explanation: string;
  readonly waitingFor?: string;
  readonly until?: string;
  readonly failedAttempts: number;
  readonly task?: { readonly arn: string; readonly revision: string; readonly current: boolean };
  readonly history: readonly { readonly saw: string; readonly rule: string; readonly did: string }[];
}

export const hostInsight = ({ stack, name }: Scene, host: string): Promise<HostInsight> =>
  json(`${stack.api}/v1/environments/${name}/hosts/${host.slice(host.lastIndexOf('/') + 1)}`);

/** Waits until the scheduler says so of a host. */
export const hostTold = (
  set: Scene,
  host: string,
  satisfies: (insight: HostInsight) => boolean,
  what: string,
): Promise<HostInsight> => eventually(() => hostInsight(set, host), satisfies, what);
