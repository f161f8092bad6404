import { describe } from 'vitest';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { describeHistory } from './conformance-of-history.ts';
import { describeRecords } from './conformance-of-records.ts';
import { describeRollouts } from './conformance-of-rollouts.ts';
import { describeTurns } from './conformance-of-turns.ts';
import type { OpenStore } from './store-under-test.ts';

const open: OpenStore = async () => {
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
};

describe('the memory store', () => {
  describeRecords(open);
  describeTurns(open);
  describeRollouts(open);
  describeHistory(open);
});
