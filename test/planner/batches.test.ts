/** Which hosts go out together, and what exactly is sent. */
import { describe, expect, test } from 'vitest';
import type { Priority } from '../../src/domain/plan.ts';
import { batchesOf, intent } from '../../src/planner/batches.ts';
import {
  definition,
  deployment,
  deploymentId,
  host,
  instance,
  launchId,
  machine,
  NOW,
  POLICY,
  revision,
  revisionId,
  template,
  world,
} from './fixtures.ts';

const range = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);
const candidates = (priority: Priority, numbers: readonly number[], launchType: 'EC2' | 'EXTERNAL' = 'EC2') =>
  numbers.map((n) => ({ instance: instance(n, { launchType }), deployment: deployment(1), priority }));

describe('batches', () => {
  test('hold ten hosts at most, one launch type, and the urgent go first', () => {
    const batches = batchesOf(
      [
        ...candidates('rollout', [40]),
        ...candidates('new-host', range(11)),
        ...candidates('new-host', [30], 'EXTERNAL'),
        ...candidates('repair', [20]),
      ],
      POLICY,
    );
    expect(batches.map(({ priority, instances }) => [priority, instances.length, instances[0]?.launchType])).toEqual([
      ['repair', 1, 'EC2'],
      ['new-host', 10, 'EC2'],
      ['new-host', 1, 'EC2'],
      ['new-host', 1, 'EXTERNAL'],
      ['rollout', 1, 'EC2'],
    ]);
  });

  test('do not depend on the order in which hosts were listed', () => {
    const hosts = candidates('repair', range(15));
    expect(batchesOf(hosts.toReversed(), POLICY)).toEqual(batchesOf(hosts, POLICY));
  });

  test('hold one host with StartTask: its doubt cannot be repeated away', () => {
    expect(batchesOf(candidates('repair', range(3)), { ...POLICY, primitive: 'StartTask' })).toHaveLength(3);
  });
});

describe('the promise', () => {
  const spec = world().spec.value;
  const batch = { priority: 'repair', deployment: deployment(1), instances: [instance(1), instance(2)] } as const;

  test('RunTask: its id is the idempotency key, and the hosts are pinned', () => {
    expect(intent(batch, spec, launchId(7), NOW, 'RunTask')).toEqual({
      id: launchId(7),
      primitive: 'RunTask',
      deployment: deploymentId(1),
      revision: revisionId(1),
      template: template(1),
      taskDefinition: definition(1),
      members: [
        { instance: host(1), ec2InstanceId: machine(1) },
        { instance: host(2), ec2InstanceId: machine(2) },
      ],
      request: {
        cluster: spec.cluster,
        taskDefinition: definition(1),
        group: 'daemon:agent',
        startedBy: deploymentId(1),
        clientToken: launchId(7),
        count: 2,
        launchType: 'EC2',
        placementConstraints: [
          { type: 'memberOf', expression: `ec2InstanceId in ['${machine(1)}', '${machine(2)}']` },
          { type: 'distinctInstance' },
        ],
      },
      committedAt: NOW,
      promisedAt: NOW,
      endedAt: null,
      sends: 1,
      returned: [],
      noReplay: null,
      emptyListingAt: null,
    });
  });

  test('StartTask names the instance and has no key', () => {
    const { request } = intent(batch, spec, launchId(7), NOW, 'StartTask');
    expect(request).toMatchObject({ containerInstances: [host(1), host(2)] });
    expect(request).not.toHaveProperty('clientToken');
  });

  test('networkConfiguration is passed through, and left out when there is none', () => {
    const networkConfiguration = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
    const awsvpc = { ...batch, deployment: deployment(1, { revision: revision(1, { networkConfiguration }) }) };
    expect(intent(awsvpc, spec, launchId(7), NOW, 'RunTask').request).toMatchObject({ networkConfiguration });
    expect(intent(batch, spec, launchId(7), NOW, 'RunTask').request).not.toHaveProperty('networkConfiguration');
  });
});
