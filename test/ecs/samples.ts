import { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { AwsSettings } from '../../src/ecs/aws-client.ts';
import { UNLIMITED_BUDGET } from '../../src/ecs/budget.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import type { LaunchCall } from '../../src/ecs/gateway.ts';
import { as } from '../../src/domain/ids.ts';
import type {
  ClusterArn,
  DeploymentId,
  InstanceArn,
  Instant,
  LaunchId,
  RevisionId,
  TaskArn,
  TaskDefinitionArn,
  Template,
} from '../../src/domain/ids.ts';
import type { Launch } from '../../src/domain/launch.ts';

const ARN = 'arn:aws:ecs:us-east-1:123456789012';
export const CLUSTER = as<ClusterArn>(`${ARN}:cluster/prod`);
export const DEFINITION = as<TaskDefinitionArn>(`${ARN}:task-definition/agent:7`);
export const taskArn = (n: number | string): TaskArn => as<TaskArn>(`${ARN}:task/prod/${n}`);
export const instanceArn = (n: number | string): InstanceArn => as<InstanceArn>(`${ARN}:container-instance/prod/${n}`);

export const NEVER = as<Instant>(Number.MAX_SAFE_INTEGER);
export const open = (): AbortSignal => new AbortController().signal;
const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

export function gatewayTo(
  endpoint: string,
  {
    budget = UNLIMITED_BUDGET,
    now = () => as<Instant>(Date.now()),
    ...settings
  }: Partial<AwsSettings> & { readonly budget?: Budget; readonly now?: () => Instant } = {},
): AwsGateway {
  return new AwsGateway({
    settings: { endpoint, region: 'us-east-1', credentials: CREDENTIALS, requestTimeoutMs: 10_000, ...settings },
    budget,
    now,
  });
}

export function launchOf(over: Partial<Launch> = {}): Launch {
  const id = as<LaunchId>('0b9ee0f0-4f5e-4b5e-8f0a-6f1f5e0d7c11');
  const deployment = as<DeploymentId>('6f1f5e0d-4f5e-4b5e-8f0a-0b9ee0f07c11');
  return {
    id,
    primitive: 'RunTask',
    deployment,
    revision: as<RevisionId>('revision-1'),
    template: as<Template>('template-1'),
    taskDefinition: DEFINITION,
    members: [{ instance: instanceArn(1), ec2InstanceId: 'i-1' }],
    // Neither in the order of the alphabet nor of the API reference.
    request: {
      taskDefinition: DEFINITION,
      clientToken: id,
      startedBy: deployment,
      placementConstraints: [
        { type: 'memberOf', expression: "ec2InstanceId in ['i-1']" },
        { type: 'distinctInstance' },
      ],
      launchType: 'EC2',
      cluster: CLUSTER,
      group: 'daemon:logs',
      count: 1,
    },
    committedAt: as<Instant>(0),
    promisedAt: as<Instant>(0),
    endedAt: null,
    sends: 1,
    returned: [],
    noReplay: null,
    emptyListingAt: null,
    ...over,
  };
}

export const callOf = (over: Partial<LaunchCall> = {}): LaunchCall => ({
  launch: launchOf(),
  replay: false,
  priority: 'repair',
  notAfter: NEVER,
  ...over,
});
