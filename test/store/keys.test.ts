import { describe, expect, it } from 'vitest';
import { DEFAULT_ROOT, keyAfter, keysUnder, type KeyRange } from '../../src/store/keys.ts';
import { deploymentOf, instanceOf, launchIdOf, nameOf, revisionOf, specOf } from './fixtures.ts';

const keys = keysUnder(DEFAULT_ROOT);
const { id } = specOf('web');
const deployment = deploymentOf().id;
const revision = revisionOf(1).id;
const isIn = ({ start, end }: KeyRange, key: string): boolean => start <= key && key < end;

describe('keys', () => {
  it('are read back into what they are of', () => {
    expect(keys.parse(keys.spec(id))).toEqual({ kind: 'spec', environment: id });
    expect(keys.parse(keys.status(id))).toEqual({ kind: 'status', environment: id });
    expect(keys.parse(keys.deployment(id, deployment))).toEqual({ kind: 'deployment', environment: id, deployment });
    expect(keys.parse(keys.revision(id, revision))).toEqual({ kind: 'revision', environment: id, revision });
    expect(keys.parse(keys.progress(id, deployment))).toEqual({ kind: 'progress', environment: id, deployment });
    expect(keys.parse(keys.fence(id))).toEqual({ kind: 'fence', environment: id });
    expect(keys.parse(keys.launch(id, launchIdOf(1)))).toEqual({
      kind: 'launch',
      environment: id,
      launch: launchIdOf(1),
    });
    expect(keys.parse(keys.slot(id, instanceOf(1)))).toEqual({
      kind: 'slot',
      environment: id,
      instance: instanceOf(1),
    });
  });

  it('of others are none of ours', () => {
    const others = [
      'env/spec/',
      'env/spec/a/b',
      'env/x/a',
      'env/deployment/a',
      'env/progress/a/',
      'env/revision/a',
      'history/a/b/00',
      'actor/fence',
      'actor/a/x',
    ];
    for (const rest of others) expect([rest, keys.parse(`${DEFAULT_ROOT}${rest}`)]).toEqual([rest, null]);
    for (const key of ['', '/ds/v2/env/spec/a', keys.name(nameOf('web')), keys.written])
      expect(keys.parse(key)).toBeNull();
  });

  it('lie in the ranges that are read, watched and removed, and in no others', () => {
    const other = specOf('other').id;
    const readable = [
      keys.spec(id),
      keys.status(id),
      keys.deployment(id, deployment),
      keys.progress(id, deployment),
      keys.revision(id, revision),
    ];
    const actors = [keys.fence(id), keys.launch(id, launchIdOf(1)), keys.slot(id, instanceOf(1))];
    const histories = [0, 15].map((place) => keys.history(id, instanceOf(1), place));
    const rest = [...histories, keys.name(nameOf('web')), keys.remembered('k'), keys.voided('o'), keys.written];

    for (const key of readable) expect([key, isIn(keys.readable, key)]).toEqual([key, true]);
    for (const key of [...actors, ...rest]) expect([key, isIn(keys.readable, key)]).toEqual([key, false]);
    for (const key of actors) expect([isIn(keys.actor(id), key), isIn(keys.actor(other), key)]).toEqual([true, false]);
    expect(isIn(keys.deployments(id), keys.deployment(id, deployment))).toBe(true);
    expect(isIn(keys.deployments(other), keys.deployment(id, deployment))).toBe(false);
    expect(isIn(keys.revisions(id), keys.revision(id, revision))).toBe(true);
    expect(isIn(keys.revisions(other), keys.revision(id, revision))).toBe(false);
    for (const key of histories) {
      const ranges = [keys.historyOf(id, instanceOf(1)), keys.allHistory(id)];
      expect([key, ranges.map((one) => isIn(one, key))]).toEqual([key, [true, true]]);
      const others = [keys.historyOf(id, instanceOf(2)), keys.historyOf(other, instanceOf(1)), keys.allHistory(other)];
      expect([key, others.map((one) => isIn(one, key))]).toEqual([key, [false, false, false]]);
    }
    expect(isIn(keys.allProgress(id), keys.progress(id, deployment))).toBe(true);
    expect(readable.filter((key) => isIn(keys.specs, key))).toEqual([keys.spec(id)]);
    // An id that another begins with.
    const longer = `${id}0` as typeof id;
    expect(isIn(keys.actor(id), keys.fence(longer))).toBe(false);
    expect(isIn(keys.deployments(id), keys.deployment(longer, deployment))).toBe(false);
  });

  it('have a successor that nothing lies between', () => {
    expect(keyAfter('a') > 'a').toBe(true);
    expect(keyAfter('a') <= 'a\0').toBe(true);
  });
});
