import { expect, test } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as, type Revision } from '../../src/domain/ids.ts';
import { specCodec } from '../../src/store/codec.ts';
import { keysUnder } from '../../src/store/keys.ts';
import { ReadModel } from '../../src/store/read-model.ts';
import { specOf } from './fixtures.ts';

const keys = keysUnder('/x/');
const entryOf = (spec: EnvironmentSpec) => ({
  key: keys.spec(spec.id),
  text: specCodec.encode(spec),
  created: as<Revision>(5),
  modified: as<Revision>(9),
});

test('a listing shows what it read, also where etcd was set back and uses revisions again; what is the same stays one object', () => {
  const model = new ReadModel({ keys, onUnreadable: () => {} });
  const spec = specOf('web');
  const shown = () => model.snapshot().environment(spec.name);
  model.reset([entryOf({ ...spec, frozen: true })]);
  const before = shown();
  model.reset([entryOf({ ...spec, frozen: true })]);
  expect(shown()).toBe(before);
  model.reset([entryOf({ ...spec, frozen: false })]);
  expect(shown()?.spec.value.frozen).toBe(false);
});
