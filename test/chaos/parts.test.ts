/** The parts of a chaos run that need no processes: choices, counts, and what the ledger proves. */
import { describe, expect, test } from 'vitest';
import { Bag, Dice } from '../../chaos/dice.ts';
import { countLines } from '../../chaos/logs.ts';
import { readOptions } from '../../chaos/options.ts';
import { renderTable } from '../../chaos/table.ts';
import { percentile, Tally, TAKEOVER_MOST_MS } from '../../chaos/tally.ts';
import { gaps, uncoveredHostSeconds } from '../../chaos/witness.ts';

describe('uncovered host-seconds', () => {
  const host = { arn: 'h', from: 0, to: null };
  const environment = { group: 'g', from: 1_000, to: null };
  const life = (createdAt: number, stoppedAt: number | null) => ({
    containerInstanceArn: 'h',
    group: 'g',
    createdAt,
    stoppedAt,
  });

  test.each([
    ['no task at all', [], 9],
    ['a task from the beginning', [life(500, null)], 0],
    ['a task that came late', [life(4_000, null)], 3],
    ['a gap between two', [life(1_000, 3_000), life(5_000, null)], 2],
    ['two at once count once', [life(1_000, 6_000), life(2_000, 3_000), life(7_000, null)], 1],
    ["another host's task", [{ ...life(0, null), containerInstanceArn: 'other' }], 9],
  ])('%s', (_, tasks, seconds) => {
    expect(uncoveredHostSeconds([host], [environment], tasks, 10_000)).toBe(seconds);
  });

  test('count only while the host is there and the environment wants it', () => {
    const hosts = [{ ...host, from: 2_000, to: 5_000 }];
    expect(uncoveredHostSeconds(hosts, [{ ...environment, to: 4_000 }], [], 10_000)).toBe(2);
    expect(uncoveredHostSeconds(hosts, [{ ...environment, from: 6_000 }], [], 10_000)).toBe(0);
  });
});

test('gaps: a host without exactly one task, and tasks of what was deleted', () => {
  const coverage = (host: string, live: number, group = 'g') => ({ containerInstanceArn: host, group, live });
  expect(gaps([coverage('a', 1), coverage('b', 1)], ['a', 'b'], ['g'], ['old'])).toEqual([]);
  expect(gaps([coverage('a', 1), coverage('b', 2)], ['a', 'b'], ['g'], [])).toEqual([
    'g: 1 of 2 hosts without exactly one task',
  ]);
  expect(gaps([coverage('a', 1)], ['a', 'b'], ['g'], [])).toHaveLength(1);
  expect(gaps([coverage('a', 1, 'old')], [], [], ['old'])).toEqual(['1 tasks of deleted environments live']);
});

describe('the tally', () => {
  test('counts what was seen, and knows a broken promise', () => {
    const tally = new Tally();
    tally.add('kill', { seen: true, takeoverMs: 5_000 });
    tally.add('kill', { seen: false });
    tally.add('stop', { seen: true, takeoverMs: 6_000 });
    expect([tally.seen, tally.kinds, tally.broken]).toEqual([2, 2, []]);
    tally.add('kill', { seen: true, takeoverMs: TAKEOVER_MOST_MS + 1 });
    tally.add('kill', { seen: true, takeoverMs: null });
    tally.add('end', { seen: true, handOverMs: null, exitMs: 60_000, broken: 'ended by SIGKILL' });
    expect(tally.broken).toHaveLength(5);
  });

  test('percentiles are of the nearest rank', () => {
    expect([percentile([3, 1, 2], 50), percentile([3, 1, 2], 100), percentile([], 50)]).toEqual([2, 3, null]);
  });

  test('its table names every fault and what broke', () => {
    const tally = new Tally();
    tally.add('kill', { seen: true, takeoverMs: 5_000 });
    tally.add('cut', { seen: false });
    tally.broken.push('two tasks on a host');
    const text = renderTable(tally, {
      seed: 7,
      seconds: 61,
      workers: 3,
      launches: 12,
      tokenReplays: 3,
      maxLive: 1,
      uncoveredHostSeconds: 1.4,
      wantedHostSeconds: 100,
      logs: { replays: 4, fenced: 2, unknown: 1, duplicates: 0 },
      events: new Map([['hosts joined', 5]]),
    }).join('\n');
    for (const part of [
      '0 (of 1 tried)',
      '1 of 1 kinds',
      'p50 5000 ms, max 5000 ms (1)',
      '4, 3',
      'BROKEN: two tasks',
    ]) {
      expect(text).toContain(part);
    }
  });
});

test('the logs of dead workers count: whole lines, and what is no JSON does not matter', () => {
  const lines = [
    '{"msg":"turn","replays":2,"duplicates":1}',
    '{"msg":"turn fenced off","replays":1}',
    '{"msg":"tu',
    '',
  ];
  expect(countLines(lines)).toEqual({ replays: 3, fenced: 1, unknown: 0, duplicates: 1 });
});

test('the same seed makes the same choices, and a bag gives all before any comes again', () => {
  const drawn = (seed: number): readonly string[] => {
    const bag = new Bag(['a', 'b', 'c'], new Dice(seed));
    return Array.from({ length: 6 }, () => bag.next());
  };
  expect(drawn(1)).toEqual(drawn(1));
  expect([1, 2, 3, 4].some((seed) => drawn(seed).join() !== drawn(5).join())).toBe(true);
  expect(drawn(1).slice(0, 3).toSorted()).toEqual(['a', 'b', 'c']);
  expect(drawn(1).slice(3).toSorted()).toEqual(['a', 'b', 'c']);
});

describe('options', () => {
  test('have defaults, and a seed of their own', () => {
    expect(readOptions([], () => 42)).toEqual({
      kind: 'options',
      options: { minutes: 5, seed: 42, workers: 3, only: '' },
    });
    expect(readOptions(['--minutes', '0.5', '--seed', '7', '--workers', '4', '--only', 'kill'], () => 42)).toEqual({
      kind: 'options',
      options: { minutes: 0.5, seed: 7, workers: 4, only: 'kill' },
    });
  });

  test.each([
    ['--minutes', '0'],
    ['--minutes', 'x'],
    ['--workers', '2'],
    ['--seed', '-1'],
    ['--sead', '1'],
  ])('%s %s is wrong', (flag, value) => {
    expect(readOptions([`${flag}=${value}`], () => 42).kind).toBe('wrong');
  });
});
