/** What sightings leave out because it is known, and what they do not tell. */
import { describe, expect, test } from 'vitest';
import type { Attributes, Facts, Instance } from '../../src/domain/facts.ts';
import { SightingReader, sightingText } from '../../src/store/sighting-codec.ts';
import { withSightings } from '../../src/store/sightings.ts';
import { facts, host, instance, task } from '../planner/fixtures.ts';

const PROD: Attributes = new Map([
  ['stack', 'prod'],
  ['flag', null],
]);
const TEST: Attributes = new Map([['stack', 'test']]);
const listed = facts([instance(1, { version: 5, attributes: PROD })]);
const text = (changes: Partial<Instance>, known: Facts | null, n = 1): string =>
  sightingText({ kind: 'instance', instance: instance(n, changes) }, known);
const read = (reader: SightingReader, json: string): Instance | null => {
  const sighting = reader.read(json);
  return sighting?.kind === 'instance' ? sighting.instance : null;
};

describe('attributes in a sighting', () => {
  test('are left out while they are as known, and are the known ones for who reads', () => {
    const same = text({ version: 6, attributes: new Map(PROD) }, listed);
    expect(same).not.toContain('stack');
    expect(read(new SightingReader(listed), same)?.attributes).toBe(PROD);
  });

  test('are told when they are others, or when nothing is known', () => {
    for (const known of [listed, null, facts([])]) {
      const told = text({ version: 6, attributes: TEST }, known);
      expect(read(new SightingReader(facts([])), told)).toEqual(instance(1, { version: 6, attributes: TEST }));
    }
  });

  test('that were told before are known to who reads on', () => {
    const reader = new SightingReader(listed);
    const writer = facts([instance(1, { version: 6, attributes: TEST })]);
    expect(read(reader, text({ version: 6, attributes: TEST }, listed))?.attributes).toEqual(TEST);
    expect(read(reader, text({ version: 7, attributes: TEST }, writer))?.attributes).toEqual(TEST);
    // An older one that comes late says nothing of now.
    expect(read(reader, text({ version: 4, attributes: new Map([['stack', 'old']]) }, null))?.version).toBe(4);
    expect(read(reader, text({ version: 8, attributes: TEST }, writer))?.attributes).toEqual(TEST);
  });

  test('that refer to what is not known here are passed over', () => {
    expect(read(new SightingReader(facts([])), text({ version: 6, attributes: PROD }, listed))).toBeNull();
  });

  test('equal ones of hosts that are new are shared', () => {
    const reader = new SightingReader(facts([]));
    const [first, second] = [2, 3].map((n) => read(reader, text({ attributes: PROD }, null, n)));
    expect(second?.attributes).toBe(first?.attributes);
  });
});

describe('what a sighting does not tell stays as it was', () => {
  test('attributes and the version of the agent, also of a host that begins to drain', () => {
    const untold = { version: 6, attributes: new Map(), agentVersion: null };
    for (const status of ['ACTIVE', 'DRAINING']) {
      const merged = withSightings(listed, [{ kind: 'instance', instance: instance(1, { ...untold, status }) }]);
      expect(merged.instances.get(host(1))).toMatchObject({ status, attributes: PROD, agentVersion: '1.90.0' });
    }
    const told = { ...untold, attributes: TEST, agentVersion: '2.0.0' };
    const merged = withSightings(listed, [{ kind: 'instance', instance: instance(1, told) }]);
    expect(merged.instances.get(host(1))).toMatchObject({ attributes: TEST, agentVersion: '2.0.0' });
  });

  test('the health of a task', () => {
    const well = facts([], [task(1, { health: 'HEALTHY' })]);
    const health = (told: 'UNKNOWN' | 'UNHEALTHY') =>
      withSightings(well, [{ kind: 'task', task: task(1, { version: 2, health: told }) }])
        .tasks.get('daemon:agent')
        ?.map((one) => one.health);
    expect([health('UNKNOWN'), health('UNHEALTHY')]).toEqual([['HEALTHY'], ['UNHEALTHY']]);
  });
});
