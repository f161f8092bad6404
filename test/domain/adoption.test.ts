/** Which tasks of something else an environment takes over. */
import { describe, expect, test } from 'vitest';
import { isOurs, selects, type AdoptSelector } from '../../src/domain/adoption.ts';
import { as } from '../../src/domain/ids.ts';
import { task } from '../planner/fixtures.ts';

const definition = as<ReturnType<typeof task>['taskDefinition']>(
  'arn:aws:ecs:eu-west-1:123456789012:task-definition/logs-agent:12',
);
const web = task(1, { group: 'service:web', startedBy: 'ecs-svc/1', taskDefinition: definition });

describe('a selector', () => {
  test.each<[AdoptSelector['kind'], string, boolean]>([
    ['startedBy', 'ecs-svc/1', true],
    ['startedBy', 'ecs-svc', false],
    ['family', 'logs-agent', true],
    ['family', 'agent', false],
    ['family', 'logs-agent:12', false],
    ['service', 'web', true],
    ['service', 'service:web', false],
    ['service', 'we', false],
  ])('%s %s: %s', (kind, value, selected) => {
    expect(selects({ kind, value }, web)).toBe(selected);
  });

  test('never takes what is in the group of an environment', () => {
    for (const selector of [
      { kind: 'startedBy', value: 'ecs-svc/1' },
      { kind: 'family', value: 'logs-agent' },
    ] as const) {
      expect(selects(selector, { ...web, group: 'daemon:other' })).toBe(false);
    }
  });

  test('of nobody takes no task that nobody is named for', () => {
    expect(selects({ kind: 'startedBy', value: '' }, { ...web, startedBy: null })).toBe(false);
  });
});

test('ours is what is in the group of an environment, and what is adopted', () => {
  expect(isOurs(task(1), [])).toBe(true);
  expect(isOurs(web, [])).toBe(false);
  expect(
    isOurs(web, [
      { kind: 'family', value: 'x' },
      { kind: 'service', value: 'web' },
    ]),
  ).toBe(true);
});
