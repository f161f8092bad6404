import { describe, expect, it } from 'vitest';
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  Instant,
  Revision,
  TaskDefinitionArn,
} from '../../src/domain/ids.ts';
import { decideDeletion, decideDeployment } from '../../src/domain/transitions.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';

const token = (text: string) => as<DeploymentToken>(text);
const deploymentId = (text: string) => as<DeploymentId>(text);

const spec: EnvironmentSpec = {
  id: as<EnvironmentId>('env'),
  name: as<EnvironmentName>('web'),
  cluster: as<ClusterArn>('cluster'),
  taskDefinition: as<TaskDefinitionArn>('daemon:2'),
  networkConfiguration: null,
  deploymentToken: token('now'),
  createdAt: as<Instant>(1),
  target: null,
  deletion: null,
};

const record = (
  over: Partial<EnvironmentSpec>,
  deployments: readonly Deployment[] = [],
  progress: readonly DeploymentProgress[] = [],
): EnvironmentRecord => {
  const stored = <T>(value: T) => ({ value, created: as<Revision>(1), modified: as<Revision>(1) });
  return {
    spec: stored({ ...spec, ...over }),
    deployments: new Map(deployments.map((one) => [one.id, stored(one)])),
    progress: new Map(progress.map((one) => [one.id, one])),
    status: null,
  };
};

const earlier: Deployment = {
  id: deploymentId('d1'),
  token: token('before'),
  taskDefinition: as<TaskDefinitionArn>('daemon:1'),
  createdAt: as<Instant>(2),
};
const progress = (status: DeploymentProgress['status']): DeploymentProgress => ({
  id: earlier.id,
  status,
  startedAt: as<Instant>(3),
  completedAt: null,
  failedInstances: [],
});
const request = { token: token('now'), id: deploymentId('d2'), at: as<Instant>(9) };

describe('a request for a deployment', () => {
  it('makes it the target and freezes the task definition of the moment', () => {
    expect(decideDeployment(record({}), request)).toEqual({
      kind: 'deploy',
      spec: { ...spec, target: 'd2' },
      deployment: { id: 'd2', token: 'now', taskDefinition: 'daemon:2', createdAt: 9 },
    });
  });

  it('follows a completed one', () => {
    const seen = record({ target: earlier.id }, [earlier], [progress('completed')]);
    expect(decideDeployment(seen, request).kind).toBe('deploy');
  });

  it.each([
    ['the environment is being deleted', { deletion: { requestedAt: 1, tasks: 'stop' } }, [], 'now', 'gone'],
    ['the token is another one', {}, [], 'other', 'outdated'],
    ['the token was used, and is still the one', { deploymentToken: 'before' }, [], 'before', 'token-used'],
    ['the token was used, and has been replaced', {}, [], 'before', 'token-used'],
    ['the one before is pending', { target: 'd1' }, [], 'now', 'in-progress'],
    ['the one before is running', { target: 'd1' }, [progress('running')], 'now', 'in-progress'],
  ] as const)('is refused when %s', (_, over, going, shown, kind) => {
    const seen = record(over as Partial<EnvironmentSpec>, [earlier], going);
    expect(decideDeployment(seen, { ...request, token: token(shown) }).kind).toBe(kind);
  });
});

describe('a request for deletion', () => {
  const deletion = { requestedAt: as<Instant>(5), tasks: 'keep' } as const;

  it('marks the spec and leaves the rest of it alone', () => {
    expect(decideDeletion(spec, deletion)).toEqual({ kind: 'delete', spec: { ...spec, deletion } });
  });

  it('changes nothing of one that is on its way', () => {
    const going = { ...spec, deletion: { requestedAt: as<Instant>(4), tasks: 'stop' } as const };
    expect(decideDeletion(going, deletion)).toEqual({ kind: 'already' });
  });
});
