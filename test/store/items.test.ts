import { describe, expect, it } from 'vitest';
import type { Revision } from '../../src/domain/ids.ts';
import {
  deploymentCodec,
  launchCodec,
  progressCodec,
  revisionCodec,
  slotCodec,
  specCodec,
  statusCodec,
} from '../../src/store/codec.ts';
import type { Entry } from '../../src/store/etcd-requests.ts';
import { itemOf, worldOf } from '../../src/store/items.ts';
import { keysUnder } from '../../src/store/keys.ts';
import {
  deploymentOf,
  instanceOf,
  launchIdOf,
  launchOf,
  progressOf,
  revisionOf,
  slotOf,
  specOf,
  statusOf,
} from './fixtures.ts';

const keys = keysUnder('/t/');
const spec = specOf('web');
const deployment = deploymentOf();
const progress = progressOf(deployment.id);
const entryOf = (key: string, text: string): Entry => ({ key, text, created: 3 as Revision, modified: 5 as Revision });
const entries = {
  spec: entryOf(keys.spec(spec.id), specCodec.encode(spec)),
  deployment: entryOf(keys.deployment(spec.id, deployment.id), deploymentCodec.encode(deployment)),
  revision: entryOf(keys.revision(spec.id, revisionOf(2).id), revisionCodec.encode(revisionOf(2))),
  progress: entryOf(keys.progress(spec.id, deployment.id), progressCodec.encode(progress)),
  status: entryOf(keys.status(spec.id), statusCodec.encode(statusOf(1))),
  launch: entryOf(keys.launch(spec.id, launchIdOf(1)), launchCodec.encode(launchOf(1))),
  slot: entryOf(keys.slot(spec.id, instanceOf(1)), slotCodec.encode(slotOf(1))),
};

/** Each a page of its own. */
async function* pages(all: readonly Entry[]) {
  for (const entry of all) yield [entry];
}

describe('entries', () => {
  it('make a world, with their revisions', async () => {
    const stored = <T>(value: T) => ({ value, created: 3, modified: 5 });
    expect(await worldOf(keys, pages(Object.values(entries)))).toEqual({
      spec: stored(spec),
      revisions: new Map([[revisionOf(2).id, stored(revisionOf(2))]]),
      deployments: new Map([[deployment.id, stored(deployment)]]),
      progress: new Map([[deployment.id, progress]]),
      status: statusOf(1),
      slots: new Map([[instanceOf(1), stored(slotOf(1))]]),
      launches: new Map([[launchIdOf(1), stored(launchOf(1))]]),
    });
    expect(await worldOf(keys, pages([entries.status]))).toBeNull();
  });

  it('under the key of something else cannot be read, because a write of them would go elsewhere', async () => {
    const other = specOf('other');
    const misplaced = [
      { ...entries.spec, key: keys.spec(other.id) },
      { ...entries.deployment, key: keys.deployment(spec.id, deploymentOf().id) },
      { ...entries.revision, key: keys.revision(spec.id, revisionOf(3).id) },
      { ...entries.progress, key: keys.progress(spec.id, deploymentOf().id) },
      { ...entries.launch, key: keys.launch(spec.id, launchIdOf(2)) },
      { ...entries.slot, key: keys.slot(spec.id, instanceOf(2)) },
    ];
    for (const entry of misplaced) {
      const unreadable = { kind: 'unreadable', key: entry.key, fault: 'the value is of something else than its key' };
      expect(itemOf(keys, entry)).toEqual(unreadable);
      expect(await worldOf(keys, pages([entries.spec, entry]))).toEqual(unreadable);
    }
  });

  it('of nobody we know, or of another version, cannot be read', () => {
    const strange = { ...entries.slot, key: '/t/actor/x/pet/1' };
    expect(itemOf(keys, strange)).toEqual({ kind: 'unreadable', key: strange.key, fault: 'not a key of ours' });
    const newer = { ...entries.slot, text: '{"v":2,"value":{}}' };
    expect(itemOf(keys, newer)).toMatchObject({
      kind: 'unreadable',
      key: newer.key,
      fault: expect.stringContaining('version 2'),
    });
  });
});
