/** The gateway against the simulator, over HTTP. The ledger is the witness: it knows nothing of the scheduler. */
import { randomUUID } from 'node:crypto';
import { DeregisterTaskDefinitionCommand, ECSClient, RunTaskCommand } from '@aws-sdk/client-ecs';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator } from '../../sim/simulator.ts';
import type { Simulator } from '../../sim/simulator.ts';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import { WaitingBudget } from '../../src/ecs/budget.ts';
import { ECS_LIMITS, scaled } from '../../src/ecs/buckets.ts';
import { SYSTEM_CLOCK } from '../../src/ecs/clock.ts';
import type { Survey } from '../../src/ecs/gateway.ts';
import { LocalTokens } from '../../src/ecs/local-tokens.ts';
import type { Instance } from '../../src/domain/facts.ts';
import { as } from '../../src/domain/ids.ts';
import type { ClusterArn, LaunchId, TaskDefinitionArn } from '../../src/domain/ids.ts';
import type { Launch } from '../../src/domain/launch.ts';
import { callOf, gatewayTo, instanceArn, launchOf, NEVER, open, taskArn } from './samples.ts';

interface Stage {
  readonly sim: Simulator;
  readonly gateway: AwsGateway;
  readonly aws: ECSClient;
  readonly cluster: ClusterArn;
  readonly definition: TaskDefinitionArn;
}

const stages: Stage[] = [];

afterEach(async () => {
  for (const { sim, gateway, aws } of stages.splice(0)) {
    gateway.close();
    aws.destroy();
    await sim.close();
  }
});

async function stage(
  options: Parameters<typeof startSimulator>[0],
  settings: Parameters<typeof gatewayTo>[1] = {},
): Promise<Stage> {
  const sim = await startSimulator({
    throttling: false,
    distinctInstance: 'off',
    taskStartMs: 1,
    taskStopMs: 1,
    ...options,
  });
  const gateway = gatewayTo(sim.url, settings);
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const aws = new ECSClient({ endpoint: sim.url, region: 'us-east-1', credentials });
  const cluster = await gateway.resolveCluster('default', open());
  const definition = await gateway.resolveTaskDefinition('daemon', open());
  if (cluster.kind !== 'found' || definition.kind !== 'found') throw new Error('the simulator has no cluster');
  const made = { sim, gateway, aws, cluster: cluster.value, definition: definition.value.arn };
  stages.push(made);
  return made;
}

function launchOn({ cluster, definition }: Stage, hosts: readonly Instance[], over: object = {}): Launch {
  const id = as<LaunchId>(randomUUID());
  const ids = hosts.map(({ ec2InstanceId }) => `'${ec2InstanceId}'`).join(', ');
  const request = {
    cluster,
    taskDefinition: definition,
    count: hosts.length,
    launchType: 'EC2',
    group: 'daemon:logs',
    startedBy: randomUUID(),
    clientToken: id,
    placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId in [${ids}]` }, { type: 'distinctInstance' }],
    ...over,
  };
  return launchOf({ id, request });
}

const hostsOf = async ({ gateway, cluster }: Stage, count: number): Promise<readonly Instance[]> =>
  (await gateway.survey(cluster, [], open())).instances.slice(0, count);

describe('a launch', () => {
  it('covers ten hosts, and its replay gives the same tasks and no others', async () => {
    const at = await stage({ hosts: 12 });
    const hosts = await hostsOf(at, 10);
    const launch = launchOn(at, hosts);
    const first = await at.gateway.launch(callOf({ launch }), open());
    if (first.kind !== 'done') throw new Error(first.fault.message);
    expect(new Set(first.tasks.map(({ instance }) => instance))).toEqual(new Set(hosts.map(({ arn }) => arn)));
    const again = await at.gateway.launch(callOf({ launch, replay: true }), open());
    if (again.kind !== 'done') throw new Error(again.fault.message);
    expect(again.tasks.map(({ arn }) => arn)).toEqual(first.tasks.map(({ arn }) => arn));
    const ledger = at.sim.model.ledger(Date.now());
    expect([ledger.tasks.length, ledger.maxLivePerHostAndGroup, ledger.tokenReplays]).toEqual([10, 1, 1]);
  });

  it.each(['drop-reply-after-commit', 'truncate-reply-after-commit'] as const)(
    'whose answer is lost (%s) is unknown, and its replay finds what it made',
    async (kind) => {
      const at = await stage({ hosts: 3 });
      const launch = launchOn(at, await hostsOf(at, 3));
      at.sim.model.faults.add({ operation: 'RunTask', times: 1, fault: { kind } });
      expect(await at.gateway.launch(callOf({ launch }), open())).toMatchObject({ kind: 'unknown' });
      expect(at.sim.model.ledger(Date.now()).operations['RunTask']).toMatchObject({ calls: 1 });
      const again = await at.gateway.launch(callOf({ launch, replay: true }), open());
      expect(again).toMatchObject({ kind: 'done', failures: [] });
      expect(at.sim.model.ledger(Date.now()).tasks).toHaveLength(3);
    },
  );

  it('with another body under the same key is adopted, not made', async () => {
    const at = await stage({ hosts: 2 });
    const hosts = await hostsOf(at, 2);
    const launch = launchOn(at, hosts);
    const first = await at.gateway.launch(callOf({ launch }), open());
    if (first.kind !== 'done') throw new Error(first.fault.message);
    const changed = { ...launch, request: { ...launch.request, startedBy: 'somebody-else' } };
    expect(await at.gateway.launch(callOf({ launch: changed, replay: true }), open())).toEqual({
      kind: 'done',
      tasks: first.tasks.map(({ arn }) => ({ arn, instance: null })),
      failures: [],
    });
    expect(at.sim.model.ledger(Date.now()).tasks).toHaveLength(2);
  });

  it('that ECS refuses made nothing', async () => {
    const at = await stage({ hosts: 1 });
    const hosts = await hostsOf(at, 1);
    const nowhere = launchOn(at, hosts, { cluster: 'nowhere' });
    expect(await at.gateway.launch(callOf({ launch: nowhere }), open())).toMatchObject({
      kind: 'refused',
      retry: false,
      fault: { code: 'ClusterNotFoundException' },
    });
    at.sim.model.faults.add({ operation: 'RunTask', times: 1, fault: { kind: 'throttle' } });
    expect(await at.gateway.launch(callOf({ launch: launchOn(at, hosts) }), open())).toMatchObject({
      kind: 'refused',
      retry: true,
      fault: { code: 'ThrottlingException' },
    });
    await at.aws.send(new DeregisterTaskDefinitionCommand({ taskDefinition: at.definition }));
    expect(await at.gateway.launch(callOf({ launch: launchOn(at, hosts) }), open())).toMatchObject({
      kind: 'refused',
      retry: false,
    });
    expect(at.sim.model.ledger(Date.now()).tasks).toHaveLength(0);
  });

  it('on a host without its agent says so in ECS’s own words', async () => {
    const at = await stage({ hosts: 1 });
    const hosts = await hostsOf(at, 1);
    at.sim.model.setAgentConnected(Date.now(), hosts[0]?.arn ?? '', false);
    const outcome = await at.gateway.launch(callOf({ launch: launchOn(at, hosts) }), open());
    expect(outcome).toMatchObject({
      kind: 'done',
      tasks: [],
      failures: [{ reason: expect.stringContaining('AGENT') as string }],
    });
  });

  it('by StartTask reaches its one host', async () => {
    const at = await stage({ hosts: 2 });
    const [host] = await hostsOf(at, 1);
    if (host === undefined) throw new Error('no host');
    const request = {
      cluster: at.cluster,
      taskDefinition: at.definition,
      containerInstances: [host.arn],
      group: 'daemon:logs',
    };
    const outcome = await at.gateway.launch(callOf({ launch: launchOf({ primitive: 'StartTask', request }) }), open());
    expect(outcome).toMatchObject({ kind: 'done', tasks: [{ instance: host.arn }], failures: [] });
  });
});

describe('a stop', () => {
  it('is done, and done again; a task nobody knows is refused', async () => {
    const at = await stage({ hosts: 1 });
    const launched = await at.gateway.launch(callOf({ launch: launchOn(at, await hostsOf(at, 1)) }), open());
    const task = launched.kind === 'done' ? launched.tasks[0]?.arn : undefined;
    if (task === undefined) throw new Error('no task');
    const call = { cluster: at.cluster, task, reason: 'draining', priority: 'repair', notAfter: NEVER } as const;
    expect(await at.gateway.stop(call, open())).toEqual({ kind: 'done' });
    expect(await at.gateway.stop(call, open())).toEqual({ kind: 'done' });
    expect(await at.gateway.stop({ ...call, task: taskArn('nobody') }, open())).toMatchObject({ kind: 'refused' });
    await expect
      .poll(async () => (await at.gateway.describeTasks(at.cluster, [task], open())).get(task))
      .toMatchObject({ lastStatus: 'STOPPED', stopCode: 'UserInitiated', stoppedReason: 'draining' });
  });
});

describe('a survey', () => {
  it('sees 250 hosts, our tasks on them, and how many others each has', async () => {
    const at = await stage({ hosts: 250 });
    const hosts = (await at.gateway.survey(at.cluster, [], open())).instances;
    expect(new Set(hosts.map(({ arn }) => arn)).size).toBe(250);
    for (let i = 0; i < 250; i += 10) {
      await at.gateway.launch(callOf({ launch: launchOn(at, hosts.slice(i, i + 10)) }), open());
    }
    const crowded = hosts[7];
    const expression = `ec2InstanceId in ['${crowded?.ec2InstanceId}']`;
    await at.aws.send(
      new RunTaskCommand({
        cluster: at.cluster,
        taskDefinition: at.definition,
        count: 3,
        launchType: 'EC2',
        group: 'service:web',
        placementConstraints: [{ type: 'memberOf', expression }],
      }),
    );
    const survey = await at.gateway.survey(at.cluster, [], open());
    expect(survey.tasks).toHaveLength(250);
    expect(new Set(survey.tasks.map(({ instance }) => instance)).size).toBe(250);
    const foreign = survey.instances.filter(({ foreignTasks }) => foreignTasks > 0);
    expect(foreign.map(({ arn, foreignTasks }) => [arn, foreignTasks])).toEqual([[crowded?.arn, 3]]);
    // Three pages and three descriptions of hosts; three pages RUNNING, one STOPPED, three descriptions of tasks.
    expect(survey.reads).toBe(13);
  });

  it('shows a task that ended as STOPPED, with ECS’s reasons', async () => {
    const at = await stage({ hosts: 1 });
    await at.gateway.launch(callOf({ launch: launchOn(at, await hostsOf(at, 1)) }), open());
    const survey = (): Promise<Survey> => at.gateway.survey(at.cluster, [], open());
    await expect.poll(async () => (await survey()).tasks[0]?.lastStatus).toBe('RUNNING');
    const [task] = (await survey()).tasks;
    at.sim.model.exitTask(Date.now(), task?.arn ?? '', { exitCode: 1, reason: 'crashed' });
    await expect
      .poll(async () => (await survey()).tasks)
      .toMatchObject([{ arn: task?.arn, lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited' }]);
  });
});

describe('a description', () => {
  it('says MISSING for what never was', async () => {
    const at = await stage({ hosts: 1 });
    const task = taskArn('never');
    const instance = instanceArn('never');
    expect((await at.gateway.describeTasks(at.cluster, [task], open())).get(task)).toBe('MISSING');
    expect((await at.gateway.describeInstances(at.cluster, [instance], open())).get(instance)).toBe('MISSING');
  });

  it('of a cluster nobody knows is an error', async () => {
    const at = await stage({ hosts: 1 });
    const nowhere = as<ClusterArn>(at.cluster.replace('default', 'nowhere'));
    await expect(at.gateway.survey(nowhere, [], open())).rejects.toMatchObject({
      fault: { code: 'ClusterNotFoundException' },
    });
  });
});

describe('names', () => {
  it('are found, missing or inactive', async () => {
    const at = await stage({ hosts: 1 });
    expect(await at.gateway.resolveTaskDefinition('daemon:1', open())).toMatchObject({
      kind: 'found',
      value: { arn: at.definition, networkMode: 'bridge', healthCheck: false, needs: { cpu: 64, memory: 64 } },
    });
    expect(await at.gateway.resolveCluster(at.cluster, open())).toEqual({ kind: 'found', value: at.cluster });
    expect(await at.gateway.resolveCluster('nowhere', open())).toMatchObject({ kind: 'missing' });
    expect(await at.gateway.resolveTaskDefinition('nothing', open())).toMatchObject({ kind: 'missing' });
    expect(await at.gateway.taskDefinitionStatus(at.definition, open())).toBe('ACTIVE');
    await at.aws.send(new DeregisterTaskDefinitionCommand({ taskDefinition: at.definition }));
    expect(await at.gateway.resolveTaskDefinition('daemon:1', open())).toEqual({ kind: 'inactive' });
  });
});

it('stays within its half of the buckets: 100 calls at once, and not one throttled', async () => {
  const budget = new WaitingBudget({
    source: new LocalTokens({ limits: scaled(ECS_LIMITS, 0.5), clock: SYSTEM_CLOCK }),
    clock: SYSTEM_CLOCK,
  });
  const at = await stage({ hosts: 1, throttling: true }, { budget });
  const call = {
    cluster: at.cluster,
    task: taskArn('nobody'),
    reason: 'x',
    priority: 'repair',
    notAfter: NEVER,
  } as const;
  await Promise.all(Array.from({ length: 100 }, () => at.gateway.stop(call, open())));
  expect(at.sim.model.ledger(Date.now()).operations['StopTask']).toMatchObject({ calls: 100, throttled: 0 });
});
