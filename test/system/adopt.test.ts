/** Tasks that something else started are taken over by the first deployment, and replaced by the next one. */
import { RunTaskCommand, type RunTaskCommandInput } from '@aws-sdk/client-ecs';
import { expect, test } from 'vitest';
import { hostInsight, stage, type Scene } from './scene.ts';
import {
  completed,
  deploy,
  deploymentIn,
  environmentOf,
  ledgerOf,
  register,
  rollOut,
  type LedgerTask,
} from './stack.ts';

const on = stage();

/** Live tasks of the scene's hosts, whoever started them. */
async function liveOn({ stack, hosts }: Scene): Promise<readonly LedgerTask[]> {
  const arns = new Set(hosts.map(({ containerInstanceArn }) => containerInstanceArn));
  const { tasks } = await ledgerOf(stack);
  return tasks.filter(({ containerInstanceArn, stoppedAt }) => arns.has(containerInstanceArn) && stoppedAt === null);
}

interface Case {
  readonly what: string;
  /** How the others started theirs. */
  readonly started: (family: string) => Partial<RunTaskCommandInput>;
  readonly adopt: (family: string) => object;
}

const CASES: readonly Case[] = [
  { what: 'by startedBy', started: () => ({ startedBy: 'blox' }), adopt: () => ({ startedBy: 'blox' }) },
  { what: 'by family', started: () => ({}), adopt: (family) => ({ family }) },
  {
    what: 'of a deleted service',
    started: () => ({ group: 'service:agents', startedBy: 'ecs-svc/1' }),
    adopt: () => ({ service: 'agents' }),
  },
];

test.concurrent.each(CASES)('$what', async ({ started, adopt }) => {
  const { stack } = on;
  const family = `f-${crypto.randomUUID().slice(0, 8)}`;
  const theirs = await register(stack, family);
  const set = await on.empty({
    hosts: 4,
    adopt: adopt(family),
    deploymentConfiguration: { maxUnavailable: '100%' },
  });
  const run = async (host: string, more: Partial<RunTaskCommandInput>): Promise<string> => {
    const placementConstraints = [{ type: 'memberOf' as const, expression: `ec2InstanceId == ${host}` }];
    const { tasks } = await stack.ecs.send(
      new RunTaskCommand({
        cluster: set.cluster,
        taskDefinition: theirs,
        launchType: 'EC2',
        placementConstraints,
        ...more,
      }),
    );
    return tasks?.[0]?.taskArn ?? '';
  };
  const [one, two, three] = set.hosts.map(({ ec2InstanceId }) => ec2InstanceId);
  const adopted = [await run(one ?? '', started(family)), await run(two ?? '', started(family))];
  // Nobody's, and on a host that gets its daemon all the same.
  const stranger = await run(three ?? '', { taskDefinition: 'daemon', startedBy: 'somebody', group: 'family:app' });

  await deploy(stack, await environmentOf(stack, set.name));
  await completed(stack, set.name);
  const after = await liveOn(set);
  expect(after).toHaveLength(5);
  for (const arn of adopted) expect(after.map(({ taskArn }) => taskArn)).toContain(arn);
  const told = await hostInsight(set, set.hosts[0]?.containerInstanceArn ?? '');
  expect(told).toMatchObject({ state: 'ready', task: { arn: adopted[0], revision: 'adopted' } });
  expect(told.history.map(({ rule }) => rule)).toEqual(['readiness', 'H4']);

  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  await deploymentIn(stack, set.name, deployment, 'completed');
  const last = await liveOn(set);
  expect(last.filter(({ taskDefinitionArn }) => taskDefinitionArn === set.next)).toHaveLength(4);
  expect(last.map(({ taskArn }) => taskArn)).toContain(stranger);
  expect(last).toHaveLength(5);
});
