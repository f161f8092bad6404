/** A few hosts and tasks behind the list and describe calls, with pages as short as a test wants them. */
import { CLUSTER, DEFINITION, instanceArn, taskArn } from './samples.ts';
import { operations } from './scripted-server.ts';
import type { Reply } from './scripted-server.ts';

export interface FakeTask {
  readonly id: number | string;
  readonly group?: string;
  readonly lastStatus?: string;
  readonly desiredStatus?: string;
  readonly instance?: number | string;
  readonly createdAt?: number;
  readonly startedBy?: string;
  readonly healthStatus?: 'HEALTHY' | 'UNHEALTHY';
}

export interface FakeCluster {
  hosts: readonly (number | string)[];
  tasks: readonly FakeTask[];
  readonly pageSize: number;
}

type Input = Readonly<Record<string, unknown>>;

export const ecsTask = ({
  id,
  group = 'daemon:logs',
  lastStatus = 'RUNNING',
  desiredStatus = lastStatus,
  instance,
  createdAt,
  ...more
}: FakeTask) => ({
  taskArn: taskArn(id),
  clusterArn: CLUSTER,
  taskDefinitionArn: DEFINITION,
  group,
  lastStatus,
  desiredStatus,
  version: 3,
  ...(instance === undefined ? {} : { containerInstanceArn: instanceArn(instance) }),
  ...(createdAt === undefined ? {} : { createdAt }),
  ...more,
});

export const ecsHost = (id: number | string) => ({
  containerInstanceArn: instanceArn(id),
  ec2InstanceId: `i-${id}`,
  status: 'ACTIVE',
  agentConnected: true,
  version: 2,
  runningTasksCount: 7,
  pendingTasksCount: 1,
});

export const fakeEcs = (cluster: FakeCluster): Reply =>
  operations({
    ListContainerInstances: (input) =>
      pageOf('containerInstanceArns', cluster.hosts.map(instanceArn), input, cluster.pageSize),
    ListTasks: (input) => {
      const wanted = input['desiredStatus'] ?? 'RUNNING';
      const listed = cluster.tasks.filter(
        ({ lastStatus = 'RUNNING', desiredStatus = lastStatus }) => desiredStatus === wanted,
      );
      const arns = listed.map(({ id }) => taskArn(id));
      return pageOf('taskArns', arns, input, cluster.pageSize);
    },
    DescribeContainerInstances: (input) =>
      described('containerInstances', cluster.hosts.map(ecsHost), (host) => host.containerInstanceArn, input),
    DescribeTasks: (input) => described('tasks', cluster.tasks.map(ecsTask), (task) => task.taskArn, input),
  });

/** An empty page with a token comes first: ECS may send one at any time. */
function pageOf(member: string, arns: readonly string[], input: Input, size: number): object {
  if (input['nextToken'] === undefined && arns.length > 0) return { [member]: [], nextToken: '0' };
  const from = Number(input['nextToken'] ?? 0);
  const next = from + size;
  return { [member]: arns.slice(from, next), ...(next < arns.length ? { nextToken: String(next) } : {}) };
}

function described<Thing>(
  member: string,
  things: readonly Thing[],
  arnOf: (thing: Thing) => string,
  input: Input,
): object {
  const asked = input[member] as readonly string[];
  if (asked.length > 100 || asked.length === 0) throw new Error(`${asked.length} asked for at once`);
  const found = things.filter((thing) => asked.includes(arnOf(thing)));
  const missing = asked.filter((arn) => !found.some((thing) => arnOf(thing) === arn));
  return { [member]: found, failures: missing.map((arn) => ({ arn, reason: 'MISSING' })) };
}
