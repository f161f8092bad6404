import { describe, expect, it } from 'vitest';
import { as, type DeploymentId, type Revision, type RevisionId } from '../../src/domain/ids.ts';
import { DEPLOYMENTS_KEPT, forgettable, REVISIONS_KEPT } from '../../src/domain/retention.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';
import { deploymentOf, progressOf, range, revisionOf, specOf, statusOf } from '../store/fixtures.ts';

const revisionId = (n: number): RevisionId => revisionOf(n, { id: as<RevisionId>(`revision-${n}`) }).id;
const deploymentId = (n: number): DeploymentId => as<DeploymentId>(`deployment-${n}`);

interface Past {
  readonly revisions?: number;
  readonly deployments?: number;
  /** Revision of deployment `n`; its own number by default. */
  readonly revisionIn?: (n: number) => number;
  readonly target?: number | null;
  readonly base?: number | null;
  readonly completed?: readonly number[];
  /** The revision in the spec before the change. */
  readonly inSpec?: number;
  readonly running?: readonly number[];
}

/** Revisions and deployments 0, 1, 2 and so on, made in this order, and in a map in the opposite one. */
function pastOf(past: Past): EnvironmentRecord {
  const { revisions = 0, deployments = 0, target = null, base = null } = past;
  const { revisionIn = (n) => n, completed = [], inSpec = 9_000, running = [] } = past;
  const stored = <T>(value: T, n: number) => ({
    value,
    created: as<Revision>(100 + n),
    modified: as<Revision>(900 - n),
  });
  const backwards = (count: number): readonly number[] => range(count).toReversed();
  const made = backwards(deployments).map((n) =>
    deploymentOf({
      id: deploymentId(n),
      revision: revisionOf(revisionIn(n)),
      base: n === target && base !== null ? deploymentId(base) : null,
    }),
  );
  return {
    spec: stored(
      specOf('web', { revision: revisionOf(inSpec), target: target === null ? null : deploymentId(target) }),
      0,
    ),
    revisions: new Map(backwards(revisions).map((n) => [revisionId(n), stored(revisionOf(n), n)])),
    deployments: new Map(made.map((one, index) => [one.id, stored(one, deployments - 1 - index)])),
    progress: new Map(completed.map((n) => [deploymentId(n), progressOf(deploymentId(n), { state: 'completed' })])),
    status: { ...statusOf(0), revisions: running.map(revisionId) },
  };
}
/** Numbers of what may go, in order. */
function forgotten(past: Past, current = 9_001): { readonly revisions: number[]; readonly deployments: number[] } {
  const numbers = (ids: readonly string[]): number[] =>
    ids.map((id) => Number(id.slice(id.indexOf('-') + 1))).toSorted((a, b) => a - b);
  const { revisions, deployments } = forgettable(pastOf(past), revisionId(current));
  return { revisions: numbers(revisions), deployments: numbers(deployments) };
}
const NOTHING = { revisions: [], deployments: [] };

describe('what is kept of the past (K1)', () => {
  const cases: readonly (readonly [string, Past, number, ReturnType<typeof forgotten>])[] = [
    ['nothing of nothing', {}, 9_001, NOTHING],
    ['all, as long as one more of each fits', { revisions: 19, deployments: 49 }, 9_001, NOTHING],
    [
      'the newest: the oldest makes room',
      { revisions: 20, deployments: 50 },
      9_001,
      { revisions: [0], deployments: [0] },
    ],
    [
      'the newest of far too many',
      { revisions: 23, deployments: 54 },
      9_001,
      { revisions: [0, 1, 2, 3], deployments: [0, 1, 2, 3, 4] },
    ],
    ['the revision that becomes the current one', { revisions: 22 }, 1, { revisions: [0, 2], deployments: [] }],
    ['the revision that is replaced', { revisions: 22, inSpec: 1 }, 9_001, { revisions: [0, 2], deployments: [] }],
    ['revisions that live tasks run', { revisions: 22, running: [0, 2] }, 9_001, { revisions: [1], deployments: [] }],
    [
      'the target, and its revision',
      { revisions: 22, deployments: 52, target: 1, revisionIn: (n) => (n === 1 ? 2 : 100 + n) },
      9_001,
      { revisions: [0, 1], deployments: [0, 2] },
    ],
    [
      'the base of the target, and its revision',
      { revisions: 22, deployments: 52, target: 51, base: 0, revisionIn: (n) => (n === 0 ? 1 : 100 + n) },
      9_001,
      { revisions: [0, 2], deployments: [1, 2] },
    ],
    [
      'the last completed deployment, which becomes the next one’s base, and its revision',
      { revisions: 22, deployments: 52, completed: [0, 2], revisionIn: (n) => (n === 2 ? 0 : 100 + n) },
      9_001,
      { revisions: [1, 2], deployments: [0, 1] },
    ],
    [
      'a target whose deployment is not there, without its base',
      { revisions: 20, deployments: 50, target: 700, base: 0 },
      9_001,
      { revisions: [0], deployments: [0] },
    ],
  ];
  it.each(cases)('%s', (_, past, current, expected) => {
    expect(forgotten(past, current)).toEqual(expected);
  });

  it('is 20 revisions and 50 deployments after each of many changes, while what is pinned is young', () => {
    let kept = range(REVISIONS_KEPT);
    for (const current of range(30).map((n) => REVISIONS_KEPT + n)) {
      const record = pastOf({ revisions: current, inSpec: current - 1, running: [current - 2] });
      const { revisions } = forgettable(
        {
          ...record,
          revisions: new Map([...record.revisions].filter(([id]) => kept.some((n) => revisionId(n) === id))),
        },
        revisionId(current),
      );
      kept = [...kept.filter((n) => !revisions.includes(revisionId(n))), current];
      expect(kept).toEqual(range(REVISIONS_KEPT).map((n) => current - REVISIONS_KEPT + 1 + n));
    }
    expect(REVISIONS_KEPT).toBe(20);
    expect(DEPLOYMENTS_KEPT).toBe(50);
  });
});
