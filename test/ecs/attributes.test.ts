/** Attributes of hosts: against the simulator, and what an ending means over a real socket. */
import { ListAttributesCommand, ECSClient, PutAttributesCommand } from '@aws-sdk/client-ecs';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator } from '../../sim/simulator.ts';
import { as } from '../../src/domain/ids.ts';
import type { InstanceArn, Instant } from '../../src/domain/ids.ts';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import type { AttributeCall } from '../../src/ecs/gateway.ts';
import { CLUSTER, gatewayTo, instanceArn, NEVER, open } from './samples.ts';
import { answer, ecsError, hangUp, reset, startScriptedServer, text, type Reply } from './scripted-server.ts';

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const PUT = { kind: 'put', name: 'daemons.ready', value: 'true' } as const;
const DELETE = { kind: 'delete', name: 'daemons.ready' } as const;

function gateway(...args: Parameters<typeof gatewayTo>): AwsGateway {
  const made = gatewayTo(...args);
  closers.push(() => made.close());
  return made;
}

describe('on the simulator', () => {
  async function stage(hosts: number) {
    const sim = await startSimulator({ throttling: false, hosts });
    closers.push(() => sim.close());
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
    const aws = new ECSClient({ endpoint: sim.url, region: 'us-east-1', credentials });
    closers.push(() => aws.destroy());
    const ecs = gateway(sim.url);
    const found = await ecs.resolveCluster('default', open());
    if (found.kind !== 'found') throw new Error('the simulator has no cluster');
    const cluster = found.value;
    const { instances } = await ecs.survey(cluster, [], open());
    const change = (change: AttributeCall['change'], on: readonly InstanceArn[]) =>
      ecs.changeAttribute({ cluster, change, instances: on, notAfter: NEVER }, open());
    const marked = async (): Promise<readonly string[]> => {
      const answered = await aws.send(
        new ListAttributesCommand({
          cluster,
          targetType: 'container-instance',
          attributeName: 'daemons.ready',
          attributeValue: 'true',
        }),
      );
      return (answered.attributes ?? []).map(({ targetId = '' }) => targetId).toSorted();
    };
    const calls = (operation: string): number => sim.model.ledger(Date.now()).operations[operation]?.calls ?? 0;
    return { aws, cluster, hosts: instances.map(({ arn }) => arn).toSorted(), change, marked, calls };
  }
  const done = (hosts: readonly InstanceArn[]) => new Map(hosts.map((host) => [host, { kind: 'done' }]));

  it('ten hosts are one call, whether it puts or deletes, and both may be repeated', async () => {
    const { hosts, change, marked, calls } = await stage(11);
    const ten = hosts.slice(0, 10);
    expect(await change(PUT, ten)).toEqual(done(ten));
    expect(await change(PUT, ten)).toEqual(done(ten));
    expect(await marked()).toEqual(ten);
    expect(calls('PutAttributes')).toBe(2);
    expect(await change(DELETE, ten.slice(1))).toEqual(done(ten.slice(1)));
    expect(await change(DELETE, ten.slice(1))).toEqual(done(ten.slice(1)));
    expect(await marked()).toEqual(ten.slice(0, 1));
    expect(calls('DeleteAttributes')).toBe(2);
  });

  it('a host that is gone, and one with no room for it, do not fail the others', async () => {
    const { aws, cluster, hosts, change, marked, calls } = await stage(3);
    const [full, ...others] = hosts;
    if (full === undefined) throw new Error('no host');
    const attributes = Array.from({ length: 10 }, (_, n) => ({ name: `own.${n}`, value: 'x', targetId: full }));
    await aws.send(new PutAttributesCommand({ cluster, attributes }));
    const gone = as<InstanceArn>(`${full.slice(0, -3)}000`);
    const outcomes = await change(PUT, [full, gone, ...others]);
    expect([...outcomes.keys()]).toEqual([full, gone, ...others]);
    expect(outcomes.get(full)).toMatchObject({
      kind: 'refused',
      retry: false,
      fault: { code: 'AttributeLimitExceededException' },
    });
    expect(outcomes.get(gone)).toMatchObject({
      kind: 'refused',
      retry: false,
      fault: { code: 'TargetNotFoundException' },
    });
    expect(await marked()).toEqual(others);
    // One for the four together, one for each, and the one of the test's own.
    expect(calls('PutAttributes')).toBe(6);
    const deleted = await change(DELETE, [gone, ...others]);
    expect([...deleted.values()].map(({ kind }) => kind)).toEqual(['refused', 'done', 'done']);
    expect(await marked()).toEqual([]);
  });
});

describe('one request, one ending for each host', () => {
  const hosts = [instanceArn(1), instanceArn(2)];
  const call: AttributeCall = { cluster: CLUSTER, change: PUT, instances: hosts, notAfter: NEVER };

  it.each<[string, Reply, string, number]>([
    ['200', answer(200, { attributes: [] }), 'done', 1],
    ['throttle', ecsError('ThrottlingException'), 'refused, retry ThrottlingException', 1],
    ['wrong input', ecsError('InvalidParameterException'), 'refused InvalidParameterException', 1],
    ['no such cluster', ecsError('ClusterNotFoundException'), 'refused ClusterNotFoundException', 1],
    ['denied', ecsError('AccessDeniedException'), 'refused AccessDeniedException', 1],
    ['gone, each of them', ecsError('TargetNotFoundException'), 'refused TargetNotFoundException', 3],
    ['full, each of them', ecsError('AttributeLimitExceededException'), 'refused AttributeLimitExceededException', 3],
    ['500', ecsError('ServerException', 'oops', 500), 'unknown ServerException', 1],
    ['400 of somebody else', text(400, '<html>no</html>'), 'unknown SyntaxError', 1],
    ['reset', reset, 'unknown ECONNRESET', 1],
    ['hang-up', hangUp, 'unknown ECONNRESET', 1],
  ])('%s', async (_, reply, expected, requests) => {
    const server = await startScriptedServer(reply);
    closers.push(() => server.close());
    const outcomes = await gateway(server.url).changeAttribute(call, open());
    expect([...outcomes.keys()]).toEqual(hosts);
    for (const outcome of outcomes.values()) {
      const retry = outcome.kind === 'refused' && outcome.retry ? ', retry' : '';
      expect(outcome.kind === 'done' ? 'done' : `${outcome.kind}${retry} ${outcome.fault.code}`).toBe(expected);
    }
    expect(server.arrived).toHaveLength(requests);
  });

  it('is sent as ECS documents it: the value is put, and deleted whatever it is', async () => {
    const server = await startScriptedServer();
    closers.push(() => server.close());
    const ecs = gateway(server.url);
    await ecs.changeAttribute({ ...call, instances: hosts.slice(0, 1) }, open());
    await ecs.changeAttribute({ ...call, change: DELETE, instances: hosts.slice(0, 1) }, open());
    const target = { targetType: 'container-instance', targetId: hosts[0] };
    expect(server.arrived.map(({ operation, body }) => [operation, JSON.parse(body)])).toEqual([
      ['PutAttributes', { cluster: CLUSTER, attributes: [{ name: 'daemons.ready', value: 'true', ...target }] }],
      ['DeleteAttributes', { cluster: CLUSTER, attributes: [{ name: 'daemons.ready', ...target }] }],
    ]);
  });

  it('pays with a token of the bucket that launches pay from, behind all of them; without one it is not sent', async () => {
    const asked: unknown[] = [];
    const budget: Budget = {
      take: async (bucket, priority, { notAfter }) => {
        asked.push([bucket, priority, notAfter]);
        return 'late';
      },
      throttled: () => undefined,
    };
    const server = await startScriptedServer();
    closers.push(() => server.close());
    const notAfter = as<Instant>(1);
    const outcomes = await gateway(server.url, { budget }).changeAttribute({ ...call, notAfter }, open());
    expect([...outcomes.values()]).toMatchObject([
      { kind: 'refused', retry: true },
      { kind: 'refused', retry: true },
    ]);
    expect(asked).toEqual([['modify', 'rollout', notAfter]]);
    expect(server.arrived).toEqual([]);
  });

  it('reports a throttle to the budget', async () => {
    const throttled: string[] = [];
    const budget: Budget = { take: async () => 'taken', throttled: (bucket) => throttled.push(bucket) };
    const server = await startScriptedServer(ecsError('ThrottlingException'));
    closers.push(() => server.close());
    await gateway(server.url, { budget }).changeAttribute(call, open());
    expect(throttled).toEqual(['modify']);
  });

  it('of no host, or of more than ECS takes, is a mistake of the caller', async () => {
    const eleven = Array.from({ length: 11 }, (_, n) => instanceArn(n));
    for (const instances of [[], eleven]) {
      await expect(gateway('http://127.0.0.1:1').changeAttribute({ ...call, instances }, open())).rejects.toThrow(
        RangeError,
      );
    }
  });
});
