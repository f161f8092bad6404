import { describe, expect, it } from 'vitest';
import {
  mostVacant,
  movedSince,
  rolloutFaultsOf,
  takenAway,
  triesOf,
  type Rollouts,
  type RolloutTerms,
} from '../../scripts/demo/rollout-verdict.ts';
import { GROUP, host, ledgerOf, STOPPED, task, type Task } from './ledger-parts.ts';

const OLD = 'daemon:1';
const GOOD = 'daemon:2';
const BAD = 'daemon:3';
const TERMS: RolloutTerms = { canary: 1, maxUnavailable: 2, readyMs: 100, stopMs: 10 };
const HOSTS = [host('a'), host('b'), host('c'), host('d', 'DRAINING')];

/** A task that ran from `from` until somebody called for its stop at `until`. */
const stopped = (on: string, definition: string, from: number, until: number): Task =>
  task(on, {
    ...STOPPED,
    taskArn: `${on}-${definition}-${from}`,
    taskDefinitionArn: definition,
    createdAt: from - 1,
    startedAt: from,
    stoppedAt: until + TERMS.stopMs,
    stopCode: 'UserInitiated',
  });
const crashed = (on: string, definition: string, from: number, until: number): Task => ({
  ...stopped(on, definition, from, until),
  stopCode: 'EssentialContainerExited',
});
const runs = (on: string, definition: string, from: number): Task =>
  task(on, {
    taskArn: `${on}-${definition}-${from}`,
    taskDefinitionArn: definition,
    createdAt: from - 1,
    startedAt: from,
  });

/** The canary a goes first; when it is ready, at 1,120, b and c follow. Host d drained long ago. */
const BEFORE_BAD = [
  stopped('d', OLD, 0, 500),
  stopped('a', OLD, 0, 1_000),
  stopped('b', OLD, 0, 1_130),
  stopped('c', OLD, 0, 1_140),
  runs('b', GOOD, 1_150),
  runs('c', GOOD, 1_160),
];
/** The bad version is tried on a, ends by itself, and the good one comes back. */
const STORY = [
  ...BEFORE_BAD,
  stopped('a', GOOD, 1_020, 2_000),
  crashed('a', BAD, 2_020, 2_030),
  runs('a', GOOD, 2_060),
];

const ROLLOUTS: Rollouts = {
  good: GOOD,
  bad: BAD,
  paused: { from: ledgerOf([runs('b', OLD, 0)]), to: ledgerOf([runs('b', OLD, 0)]) },
  beforeBad: ledgerOf([...BEFORE_BAD, runs('a', GOOD, 1_020)]),
};

const seen = (tasks: readonly Task[]) => ({ group: GROUP, ledger: ledgerOf(tasks), hosts: HOSTS });
const faults = (tasks: readonly Task[], rollouts: Partial<Rollouts> = {}, terms: Partial<RolloutTerms> = {}) =>
  rolloutFaultsOf(seen(tasks), { ...ROLLOUTS, ...rollouts }, { ...TERMS, ...terms });
/** The story with the task at one place told otherwise. */
const told = (old: Task, ...other: readonly Task[]): readonly Task[] => {
  expect(STORY.map(({ taskArn }) => taskArn)).toContain(old.taskArn);
  return [...STORY.filter(({ taskArn }) => taskArn !== old.taskArn), ...other];
};

describe('the verdict on the rollouts', () => {
  it('finds no fault when all was as it should be', () => {
    expect(faults(STORY)).toEqual([]);
  });

  it('tells of more hosts without a ready task than allowed', () => {
    expect(faults(STORY, {}, { maxUnavailable: 1 })).toEqual([
      '2 hosts at once were without a ready task, where 1 may be',
    ]);
  });

  it('tells of a host that did not wait for the canary', () => {
    const early = told(stopped('b', OLD, 0, 1_130), stopped('b', OLD, 0, 1_119));
    expect(faults(early)).toEqual(['1 tasks were stopped before the canary of 1 was ready']);
  });

  it('knows the canary also where its task was new', () => {
    expect(faults(told(stopped('a', OLD, 0, 1_000), stopped('a', OLD, 950, 1_000)))).toEqual([]);
  });

  it('tells of a replacement while paused', () => {
    const to = ledgerOf([stopped('b', OLD, 0, 700)].map((one) => ({ ...one, taskArn: runs('b', OLD, 0).taskArn })));
    expect(faults(STORY, { paused: { ...ROLLOUTS.paused, to } })).toEqual([
      '1 tasks were stopped while the rollout was paused',
    ]);
  });

  it('tells of hosts that lost their task to the bad version', () => {
    const spread = told(runs('b', GOOD, 1_150), stopped('b', GOOD, 1_150, 2_000), runs('b', GOOD, 2_020));
    expect(faults(spread)).toEqual(['2 hosts lost their task to the bad version, where 1 may']);
  });

  it('tells of a host that has another version in the end', () => {
    const left = told(runs('a', GOOD, 2_060), runs('a', BAD, 2_060));
    expect(faults(left)).toEqual(['1 hosts do not run the good version']);
  });

  it('takes rollouts that did not happen for no proof', () => {
    const nothing = [runs('a', GOOD, 0)];
    expect(faults(nothing, { beforeBad: ledgerOf(nothing) })).toEqual([
      'no task was replaced',
      'the bad version was never tried',
    ]);
  });
});

describe('hosts without a ready task', () => {
  it('are counted until the next task is ready, not only RUNNING', () => {
    const slow = [stopped('a', OLD, 0, 1_000), runs('a', GOOD, 1_020), stopped('b', OLD, 0, 1_119)];
    expect(mostVacant(seen(slow), TERMS)).toBe(2);
    expect(mostVacant(seen([...slow.slice(0, 2), stopped('b', OLD, 0, 1_120)]), TERMS)).toBe(1);
  });

  it('are counted through tasks that ended before they were ready', () => {
    const inVain = [stopped('a', OLD, 0, 1_000), crashed('a', BAD, 1_020, 1_050), stopped('b', OLD, 0, 5_000)];
    expect(mostVacant(seen(inVain), TERMS)).toBe(2);
  });

  it('are those whose task was RUNNING, though not for long', () => {
    expect(mostVacant(seen([stopped('a', OLD, 999, 1_000)]), TERMS)).toBe(1);
  });

  it('are not covered by what another host gets', () => {
    const elsewhere = [stopped('a', OLD, 0, 1_000), runs('b', GOOD, 1_020), stopped('c', OLD, 0, 1_500)];
    expect(mostVacant(seen(elsewhere), TERMS)).toBe(2);
  });

  it('are counted once, whatever is stopped there', () => {
    const twice = [stopped('a', OLD, 0, 1_000), stopped('a', BAD, 1_020, 1_050), runs('a', GOOD, 1_080)];
    expect(mostVacant(seen(twice), TERMS)).toBe(1);
  });

  it('are only those whose task the scheduler stopped, and that do not drain', () => {
    const others = [crashed('a', OLD, 0, 1_000), stopped('d', OLD, 0, 1_000)];
    expect(mostVacant(seen(others), TERMS)).toBe(0);
    expect(mostVacant(seen([{ ...stopped('b', OLD, 950, 1_000), startedAt: null }]), TERMS)).toBe(0);
  });
});

describe('what became of tasks', () => {
  it('counts as taken away only what wanted to run and was stopped by a call', () => {
    const from = ledgerOf(['a', 'b', 'c'].map((on) => task(on, on === 'c' ? { desiredStatus: 'STOPPED' } : {})));
    const to = ledgerOf([
      task('a', { desiredStatus: 'STOPPED', stopCode: 'UserInitiated' }),
      task('b', { ...STOPPED, stopCode: 'EssentialContainerExited' }),
      task('c', { ...STOPPED, stopCode: 'UserInitiated' }),
    ]);
    expect(takenAway(GROUP, from, to)).toBe(1);
    expect(takenAway('daemon:another', from, to)).toBe(0);
  });

  it('names the hosts that have another task, or none', () => {
    const before = ledgerOf(['a', 'b', 'c'].map((on) => task(on)));
    const ledger = ledgerOf([task('a'), task('b', { taskArn: 'another' }), task('c', STOPPED)]);
    expect([...movedSince(before, { group: GROUP, ledger })]).toEqual(['b', 'c']);
  });

  it('counts the tries of a version', () => {
    expect(triesOf(seen(STORY), BAD)).toBe(1);
  });
});
