import { describe, expect, it } from 'vitest';

import { parseQuery } from '../../sim/model/query-parser.ts';
import { EcsDriver, only } from './ecs-driver.ts';

/** 2027-01-15T08:00:00Z, when the driver's clock starts. */
const REGISTERED = '2027-01-15T08:00:00';

const MATCHING = [
  "ec2InstanceId in ['i-1', 'i-abc']",
  'ec2InstanceId in [i-abc]',
  'ec2InstanceId == i-abc',
  'ec2InstanceId == "i-abc"',
  'ec2InstanceId !in [i-1]',
  'ec2InstanceId =~ i-a.*',
  'ec2InstanceId !~ i-b.*',
  'ec2InstanceId exists',
  'attribute:stack == prod',
  'attribute:stack equals prod',
  'attribute:stack != test',
  'attribute:missing != test',
  'attribute:missing !exists',
  'attribute:missing not_exists',
  'attribute:flag exists',
  'attribute:stack in [prod, test]',
  'attribute:stack matches p.*',
  'attribute:size > 9',
  'attribute:size >= 10',
  'attribute:size < 10.5',
  'attribute:size less_than_equal 10',
  'attribute:stack > prnd',
  'attribute:ecs.os-type == linux',
  "attribute:ecs.availability-zone =~ 'us-east-1[abc]'",
  'agentConnected == true',
  'agentVersion >= 1.9.0',
  'agentVersion < 1.100.0',
  'runningTasksCount == 1',
  'runningTasksCount > 0',
  'task:group == g',
  'task:group in [g, h]',
  'task:group != h',
  'not(task:group == h)',
  `registeredAt == ${REGISTERED}Z`,
  `registeredAt <= ${REGISTERED}+00:00`,
  `registeredAt > ${REGISTERED}+01:00`,
  'registeredAt > 2026-12-31',
  'registeredAt < 2028-02-29T00:00:00Z',
  'attribute:stack == test or task:group == g',
  'attribute:stack == prod and task:group == g',
  '(attribute:stack == test or attribute:stack == prod) and not (task:group == h)',
  'attribute:stack == prod or attribute:stack == test and task:group == h',
  'attribute:stack == test and task:group == g or attribute:stack == prod',
  'attribute:stack == prod && !(task:group == h) || attribute:x exists',
  'not not attribute:stack == prod',
  "  attribute:stack=='prod'  ",
];

const NOT_MATCHING = [
  "ec2InstanceId in ['i-1', 'i-ab']",
  'ec2InstanceId !in [i-abc]',
  'ec2InstanceId =~ i-a',
  'attribute:stack == PROD',
  'attribute:stack !exists',
  'attribute:missing == test',
  'attribute:missing =~ .*',
  'attribute:size > 10',
  'agentConnected == false',
  'agentVersion > 1.90.0',
  'runningTasksCount > 1',
  'task:group == stopping',
  'task:group != g',
  'registeredAt < nonsense',
  `registeredAt > ${REGISTERED}Z`,
  '(attribute:stack == prod or attribute:stack == test) and task:group == h',
];

const BROKEN = [
  '',
  'ec2InstanceId',
  'ec2InstanceId ==',
  'ec2InstanceId in []',
  'ec2InstanceId in [a',
  'ec2InstanceId in a',
  'ec2InstanceId is a',
  'ec2InstanceId == a b',
  'containerInstanceArn == a',
  'attribute: == a',
  'attribute:x =~ [',
  '(attribute:x exists',
  'attribute:x exists)',
  'and attribute:x exists',
  'attribute:x exists or',
  "attribute:x == 'a",
  'attribute:x == a | attribute:y == b',
];

describe('cluster query language', () => {
  const ecs = new EcsDriver();
  ecs.call('CreateCluster');
  ecs.define('daemon');
  ecs.call('RegisterContainerInstance', {
    instanceIdentityDocument: '{"instanceId":"i-abc"}',
    versionInfo: { agentVersion: '1.90.0' },
    attributes: [{ name: 'stack', value: 'prod' }, { name: 'size', value: '10' }, { name: 'flag' }],
  });
  ecs.runOne({ group: 'g' });
  ecs.call('StopTask', { task: ecs.runOne({ group: 'stopping' }).taskArn });
  const list = (filter: string) => ecs.call('ListContainerInstances', { filter }).containerInstanceArns;
  const all = [only(ecs.model.hosts(ecs.now)).containerInstanceArn];

  it.each(MATCHING)('%s: matches', (filter) => {
    expect(list(filter)).toEqual(all);
  });

  it.each(NOT_MATCHING)('%s: does not match', (filter) => {
    expect(list(filter)).toEqual([]);
  });

  it.each(BROKEN)('%j: is no expression', (text) => {
    expect(parseQuery(text)).toMatchObject({ ok: false });
  });
});
