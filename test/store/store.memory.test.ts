import { describe } from 'vitest';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { describeStore } from './conformance.ts';

describe('the memory store', () => {
  describeStore(async () => {
    const store = new MemoryStore();
    await store.ready(AbortSignal.timeout(1_000));
    return {
      actors: store,
      environments: store,
      other: { actors: store, environments: store },
      view: store,
      spoil: async (id, part) => store.spoil(id, part),
      close: () => store.close(),
    };
  });
});
