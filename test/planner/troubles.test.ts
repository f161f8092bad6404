/** What is written of the hosts' troubles, however many and however different they are. */
import { describe, expect, test } from 'vitest';
import type { FailedInstance } from '../../src/domain/environment.ts';
import { listedFailures, listedHosts, sentences } from '../../src/planner/troubles.ts';
import { host } from './fixtures.ts';
import { range } from './rollout-scenes.ts';

const ELSEWHERE = 'one of many different reasons: GET …/hosts/ID tells it';
const pad = (n: number): string => String(n).padStart(6, '0');
const failure = (n: number, reason: string): FailedInstance => ({ instance: host(n), reason, attempts: 3 });

describe('failed hosts', () => {
  test('are listed in order of ARN, with their reasons', () => {
    const [one, two] = [failure(1, 'b'), failure(2, 'a')];
    expect(listedFailures([two, one])).toEqual([one, two]);
  });

  test('keep the reasons that most of them share, and where to look for the others', () => {
    const shared = range(60).flatMap((n) => [failure(n, `reason ${pad(n)}`), failure(100 + n, `reason ${pad(n)}`)]);
    const alone = range(60).map((n) => failure(200 + n, `alone ${pad(n)}`));
    const listed = listedFailures([...alone, ...shared]);
    expect(listed.map(({ instance }) => instance)).toEqual([...shared, ...alone].map((one) => one.instance).toSorted());
    const reasons = new Map(listed.map(({ instance, reason }) => [instance, reason]));
    expect(range(60).map((n) => reasons.get(host(n)))).toEqual([
      ...range(50).map((n) => `reason ${pad(n)}`),
      ...Array.from({ length: 10 }, () => ELSEWHERE),
    ]);
    expect(new Set(range(60).map((n) => reasons.get(host(200 + n))))).toEqual(new Set([ELSEWHERE]));
  });

  test('say the same in whatever order they come', () => {
    const all = range(200).map((n) => failure(n, `reason ${pad((n * 7) % 200)}`));
    expect(listedFailures(all.toReversed())).toEqual(listedFailures(all));
  });

  test('are 10,000 in a list at most, as are deferred ones', () => {
    const hosts = range(10_001);
    expect(listedFailures(hosts.map((n) => failure(n, 'no'))).at(-1)?.instance).toBe(host(10_000));
    expect(listedHosts(hosts.map((n) => host(n)).toReversed())).toEqual(hosts.slice(0, 10_000).map((n) => host(n)));
  });
});

describe('sentences', () => {
  const troubles = (...of: readonly (readonly [string, number])[]) => {
    let next = 0;
    return new Map(of.map(([why, hosts]) => [why, range(hosts).map(() => host((next += 1)))]));
  };

  test('there are none without troubles', () => {
    expect(sentences(new Map())).toEqual([]);
  });

  test('name three hosts and count the rest, in order of their text', () => {
    expect(sentences(troubles(['b', 5], ['a', 5], ['c', 1]))).toEqual([
      '1 host has no ready task: c (000011)',
      '5 hosts have no ready task: a (000006, 000007, 000008 and 2 more)',
      '5 hosts have no ready task: b (000001, 000002, 000003 and 2 more)',
    ]);
  });

  test.each([
    [[1], '1 more host has no ready task, for other reasons: GET …/hosts tells them'],
    [[2, 1, 2], '5 more hosts have no ready task, for other reasons: GET …/hosts tells them'],
  ])('tell the commonest of many, and count the hosts of the others, %j', (others, last) => {
    const common = range(20).map((n) => [`common ${pad(n)}`, 3] as const);
    const rare = others.map((hosts, n) => [`rare ${pad(n)}`, hosts] as const);
    const told = sentences(troubles(...rare, ...common));
    expect(told).toHaveLength(21);
    expect(told.slice(0, -1).every((line) => line.startsWith('3 hosts have no ready task: common '))).toBe(true);
    expect(told.at(-1)).toBe(last);
  });
});
