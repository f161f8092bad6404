/** A post names things; nothing else of it counts. */
import { describe, expect, test } from 'vitest';
import { namedIn, NAMES_PER_POST_MOST } from '../../src/intake/named.ts';

const ARN = 'arn:aws:ecs:eu-west-1:123456789012';
const CLUSTER = `${ARN}:cluster/prod`;
const id = (n: number): string => n.toString(16).padStart(32, '0');
const host = (n = 1, changes: object = {}) => ({
  'detail-type': 'ECS Container Instance State Change',
  detail: { clusterArn: CLUSTER, containerInstanceArn: `${ARN}:container-instance/prod/${id(n)}`, ...changes },
});
const task = (n = 1, changes: object = {}) => ({
  'detail-type': 'ECS Task State Change',
  source: 'aws.ecs',
  detail: { clusterArn: CLUSTER, taskArn: `${ARN}:task/prod/${id(n)}`, lastStatus: 'STOPPED', version: 9, ...changes },
});
const named = (body: unknown) => namedIn(JSON.stringify(body));

test('one event, or a list; each thing once; no state and no version is taken over', () => {
  const hint = { kind: 'task', cluster: CLUSTER, arn: `${ARN}:task/prod/${id(1)}`, atLeast: 0 };
  expect(named(task())).toEqual({ kind: 'named', hints: [hint] });
  expect(named([task(), host(), task()])).toEqual({
    kind: 'named',
    hints: [hint, { kind: 'instance', cluster: CLUSTER, arn: `${ARN}:container-instance/prod/${id(1)}`, atLeast: 0 }],
  });
});

test('ARNs of before 2018 do not tell their cluster, and ids may have hyphens', () => {
  const old = `${ARN}:container-instance/5d30ce3e-57f4-4d2a-9b1c-3b8a2f4e6d10`;
  expect(named(host(1, { containerInstanceArn: old }))).toMatchObject({ kind: 'named', hints: [{ arn: old }] });
});

describe('what is wrong is named with its rule', () => {
  const many = Array.from({ length: NAMES_PER_POST_MOST + 1 }, (_, n) => task(n));
  test.each<[string, unknown, string]>([
    ['an empty list', [], 'body should have at least 1 items'],
    ['too many', many, `body should have at most ${NAMES_PER_POST_MOST} items`],
    [
      'another kind of event',
      { ...task(), 'detail-type': 'ECS Service Action' },
      'detail-type in body should be one of [ECS Container Instance State Change ECS Task State Change]',
    ],
    ['no kind of event', {}, 'detail-type in body should be one of [ECS Container Instance State Change'],
    ['no event', 5, 'body must be of type object'],
    ['no detail', { 'detail-type': 'ECS Task State Change' }, 'detail in body is required'],
    [
      'a detail of another type',
      { 'detail-type': 'ECS Task State Change', detail: 'x' },
      'detail in body must be of type object',
    ],
    ['a cluster by name', task(1, { clusterArn: 'prod' }), 'detail.clusterArn in body should be the ARN of a cluster'],
    ['no task', task(1, { taskArn: undefined }), 'detail.taskArn in body is required'],
    ['a host for a task', task(1, { taskArn: host().detail.containerInstanceArn }), 'should be the ARN of a task'],
    ['one of a list', [task(), task(2, { taskArn: 'x' })], '1.detail.taskArn in body should be the ARN of a task'],
    ['an id that is none', task(1, { taskArn: `${ARN}:task/prod/../x` }), 'should be the ARN of a task'],
    [
      'of another cluster',
      task(1, { taskArn: `${ARN}:task/test/${id(1)}` }),
      'detail.taskArn in body should be an ARN of the same cluster',
    ],
    [
      'of another account',
      host(1, { containerInstanceArn: `arn:aws:ecs:eu-west-1:999999999999:container-instance/prod/${id(1)}` }),
      'detail.containerInstanceArn in body should be an ARN of the same cluster',
    ],
  ])('%s', (_, body, fault) => {
    const parsed = named(body);
    expect(parsed.kind === 'wrong' ? parsed.faults.join('\n') : 'nothing').toContain(fault);
  });

  test('not JSON', () => {
    expect(namedIn('{')).toEqual({ kind: 'wrong', faults: ['body should be JSON'] });
  });

  test('of many faults a few are told', () => {
    const wrong = named(Array.from({ length: 50 }, () => task(1, { taskArn: 'x' })));
    expect(wrong.kind === 'wrong' ? wrong.faults.length : 0).toBe(10);
  });
});
