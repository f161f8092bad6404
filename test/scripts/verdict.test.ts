import { describe, expect, it } from 'vitest';
import { configurationWire } from '../../src/api/configuration-schema.ts';
import { DEFAULT_CONFIGURATION } from '../../src/domain/revision.ts';
import { coveredHosts, faultsOf, mostLiveAtOnce, type Evidence } from '../../scripts/demo/verdict.ts';
import { GROUP, host, ledgerOf, STOPPED, task, type Task } from './ledger-parts.ts';

const HOSTS = ['a', 'b', 'c'] as const;
const REVISION = '0123456789abcdef';
/** Host c drains; the task of host a died once. */
const EXPECTED = { hostsEver: 3, draining: 1, tasksStarted: 4 };

interface Parts {
  readonly tasks?: readonly Task[];
  readonly maxLive?: number;
  readonly group?: string;
  readonly environment?: Partial<Evidence['environment']>;
  readonly deployment?: Partial<Evidence['deployment']>;
}

function evidence({ tasks = story(), maxLive = 1, group = GROUP, environment, deployment }: Parts = {}): Evidence {
  return {
    group: GROUP,
    ledger: {
      ...ledgerOf(tasks),
      maxLivePerHostAndGroup: maxLive,
      hostsAndGroups: HOSTS.map((arn) => ({
        containerInstanceArn: arn,
        ec2InstanceId: `i-${arn}`,
        group,
        live: 1,
        maxLive: arn === 'b' ? maxLive : 1,
      })),
    },
    hosts: HOSTS.map((arn) => host(arn, arn === 'c' ? 'DRAINING' : 'ACTIVE')),
    environment: {
      deploymentToken: 't',
      health: 'healthy',
      instanceGroup: { cluster: 'c' },
      name: 'demo',
      taskDefinition: 'daemon:1',
      createdAt: '',
      reasons: [],
      hosts: { eligible: 2, running: 2, ready: 2, updated: 2, starting: 0, failed: 0, disconnected: 0, draining: 1 },
      revision: REVISION,
      deploymentConfiguration: configurationWire(DEFAULT_CONFIGURATION),
      ...environment,
    },
    deployment: {
      environmentName: 'demo',
      failedInstances: [],
      id: 'd',
      status: 'completed',
      state: 'completed',
      taskDefinition: 'daemon:1',
      createdAt: '',
      failures: [],
      kind: 'deploy',
      revision: REVISION,
      waves: [],
      deferredInstances: [],
      ignoredAlarms: [],
      ...deployment,
    },
  };
}

const story = (): Task[] => [
  task('a', { ...STOPPED, taskArn: 'task-a-dead' }),
  task('a'),
  task('b'),
  task('c', STOPPED),
];

describe('the verdict on the demo', () => {
  it('finds no fault when every host had its one task', () => {
    expect(faultsOf(evidence(), EXPECTED)).toEqual([]);
  });

  const faults: readonly (readonly [string, Parts, string])[] = [
    [
      'a host that had two live tasks, though only for a moment',
      { maxLive: 2 },
      'a host had 2 live tasks of the environment at once',
    ],
    [
      'tasks nobody needed',
      { tasks: [...story(), task('b', { ...STOPPED, taskArn: 'x' })] },
      '5 tasks were started where the story needs 4',
    ],
    [
      'a host whose task only starts',
      { tasks: story().with(2, task('b', { lastStatus: 'PENDING' })) },
      '1 ACTIVE hosts have no running task',
    ],
    [
      'a task that lives on while its host drains',
      { tasks: story().with(3, task('c', { lastStatus: 'STOPPING' })) },
      '1 draining hosts still have a task',
    ],
    ['a deployment that does not end', { deployment: { state: 'running' } }, 'the deployment is running'],
    ['failed instances', { deployment: { failedInstances: ['a'] } }, '1 instances failed'],
    [
      'an unhealthy environment',
      { environment: { health: 'unhealthy', reasons: ['two', 'reasons'] } },
      'the environment is unhealthy: two; reasons',
    ],
  ];
  it.each(faults)('tells of %s', (_, parts, fault) => {
    expect(faultsOf(evidence(parts), EXPECTED)).toEqual([fault]);
  });

  it('tells of hosts that are missing', () => {
    expect(faultsOf(evidence(), { ...EXPECTED, hostsEver: 4 })).toEqual([
      '2 hosts are ACTIVE instead of 3',
      'the API counts 2 running tasks instead of 3',
    ]);
  });

  it('takes a ledger without tasks of the environment for no proof', () => {
    const empty = evidence({ tasks: [], group: 'daemon:another' });
    expect(mostLiveAtOnce(empty)).toBe(0);
    expect(faultsOf(empty, EXPECTED)).toContain('a host had 0 live tasks of the environment at once');
  });

  it('counts a host as covered only by a running task that is to go on', () => {
    const tasks = [task('a'), task('b', { desiredStatus: 'STOPPED' }), task('c', { group: 'daemon:another' })];
    expect([...coveredHosts(evidence({ tasks })).keys()]).toEqual(['a']);
  });
});
