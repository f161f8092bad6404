import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { LedgerTask } from '../../sim/model/ledger.ts';
import { EcsDriver } from './ecs-driver.ts';

/** What may happen to a small world. `pick` chooses among what is there. */
type Command =
  | { readonly kind: 'run'; readonly count: number; readonly group: string; readonly distinct: boolean }
  | { readonly kind: 'stop' | 'exit' | 'remove-host' | 'drain'; readonly pick: number }
  | { readonly kind: 'agent'; readonly pick: number; readonly connected: boolean }
  | { readonly kind: 'add-host' };

const pick = fc.nat({ max: 50 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      count: fc.integer({ min: 1, max: 4 }),
      group: fc.constantFrom('a', 'b'),
      distinct: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('stop' as const, 'exit' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('remove-host' as const, 'drain' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('agent' as const), pick, connected: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'add-host' as const }) },
);
/** No two commands come at the same instant, so that the order of all creations and stops is known. */
const story = fc.array(fc.record({ waitMs: fc.integer({ min: 1, max: 400 }), command }), {
  minLength: 10,
  maxLength: 60,
  size: 'max',
});
const mode = fc.constantFrom('off' as const, 'lagging' as const, 'strict' as const);

function world(distinctInstance: 'off' | 'lagging' | 'strict', seed = 1): EcsDriver {
  const ecs = new EcsDriver({ distinctInstance, seed, hostCpu: 200, hostMemory: 1_000 });
  ecs.addHosts(2);
  ecs.define('daemon');
  return ecs;
}

/** Carries out one command and returns what was answered. */
function act(ecs: EcsDriver, command: Command): unknown {
  const hosts = ecs.model.hosts(ecs.now);
  const tasks = ecs.model.ledger(ecs.now).tasks;
  const host = 'pick' in command ? hosts[command.pick % Math.max(1, hosts.length)] : undefined;
  const task = 'pick' in command ? tasks[command.pick % Math.max(1, tasks.length)] : undefined;
  switch (command.kind) {
    case 'run':
      return ecs.model.apply(ecs.now, {
        operation: 'RunTask',
        body: {
          taskDefinition: 'daemon',
          count: command.count,
          group: command.group,
          placementConstraints: command.distinct ? [{ type: 'distinctInstance' }] : [],
        },
      });
    case 'stop':
      return ecs.model.apply(ecs.now, { operation: 'StopTask', body: { task: task?.taskArn ?? 'none' } });
    case 'exit':
      return ecs.model.exitTask(ecs.now, task?.taskArn ?? 'none', { exitCode: 1, reason: 'exit' });
    case 'remove-host':
      return ecs.model.removeHost(ecs.now, host?.containerInstanceArn ?? 'none');
    case 'drain':
      return ecs.model.apply(ecs.now, {
        operation: 'UpdateContainerInstancesState',
        body: { containerInstances: [host?.containerInstanceArn ?? 'none'], status: 'DRAINING' },
      });
    case 'agent':
      return ecs.model.setAgentConnected(ecs.now, host?.containerInstanceArn ?? 'none', command.connected);
    case 'add-host':
      return ecs.addHosts(1);
  }
}

/** The greatest number of tasks that live at once, from their intervals alone. A task does not live at its last instant. */
function greatestOverlap(tasks: readonly LedgerTask[]): number {
  const living = (instant: number) =>
    tasks.filter((task) => task.createdAt <= instant && (task.stoppedAt === null || task.stoppedAt > instant)).length;
  return Math.max(0, ...tasks.map((task) => living(task.createdAt)));
}

describe('the model', () => {
  it('counts in its ledger what the intervals of its tasks say', () => {
    let overlaps = 0;
    fc.assert(
      fc.property(mode, story, (distinctInstance, steps) => {
        const ecs = world(distinctInstance);
        for (const { waitMs, command } of steps) {
          ecs.wait(waitMs);
          act(ecs, command);
        }
        const { hostsAndGroups, maxLivePerHostAndGroup, tasks } = ecs.model.ledger(ecs.now);
        for (const { containerInstanceArn, group, maxLive, live } of hostsAndGroups) {
          const own = tasks.filter(
            (task) => task.containerInstanceArn === containerInstanceArn && task.group === group,
          );
          expect(maxLive).toBe(greatestOverlap(own));
          expect(live).toBe(own.filter((task) => task.lastStatus !== 'STOPPED').length);
          if (maxLive > 1) overlaps += 1;
        }
        expect(maxLivePerHostAndGroup).toBe(Math.max(0, ...hostsAndGroups.map((entry) => entry.maxLive)));
      }),
    );
    expect(overlaps).toBeGreaterThan(0);
  });

  it('never gives away more than a host has, and gives back what stops', () => {
    let full = 0;
    fc.assert(
      fc.property(mode, story, (distinctInstance, steps) => {
        const ecs = world(distinctInstance);
        for (const { waitMs, command } of steps) {
          ecs.wait(waitMs);
          act(ecs, command);
          for (const { containerInstanceArn } of ecs.model.hosts(ecs.now)) {
            const { remainingResources, runningTasksCount } = ecs.instance(containerInstanceArn);
            const [cpu, memory] = remainingResources.map((resource) => resource.integerValue);
            expect([cpu, memory]).toEqual([200 - 64 * runningTasksCount, 1_000 - 64 * runningTasksCount]);
            expect(cpu).toBeGreaterThanOrEqual(0);
            if (runningTasksCount === 3) full += 1;
          }
        }
      }),
    );
    expect(full).toBeGreaterThan(0);
  });

  it('answers the same to the same calls, however finely its time advances', () => {
    fc.assert(
      fc.property(mode, fc.nat(), story, (distinctInstance, seed, steps) => {
        const coarse = world(distinctInstance, seed);
        const fine = world(distinctInstance, seed);
        for (const { waitMs, command } of steps) {
          coarse.wait(waitMs);
          const until = fine.now + waitMs;
          for (let next = fine.model.nextChangeAt(); next !== null && next <= until; next = fine.model.nextChangeAt()) {
            fine.model.advance(next);
          }
          fine.wait(waitMs);
          expect(act(fine, command)).toEqual(act(coarse, command));
        }
        expect(fine.model.ledger(fine.now)).toEqual(coarse.model.ledger(coarse.now));
      }),
    );
  });

  it('has other ids with another seed', () => {
    const ids = (seed: number) =>
      world('off', seed)
        .model.hosts(0)
        .map((host) => host.ec2InstanceId);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });
});
