/**
 * The store as a process sees it: the reference store behind a network that loses and delays. A commit goes in as several
 * transactions, one after the other, as it does in etcd when it is large.
 */
import type { EnvironmentId } from '../src/domain/ids.ts';
import type { ChangeGroup, Rollback } from '../src/domain/plan.ts';
import type { MemoryStore } from '../src/store/memory-store.ts';
import { StoreUnavailableError, type ActorStore, type Claim, type CommitResult } from '../src/store/store.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import { latency } from './latency.ts';
import type { Process } from './process.ts';
import { STORE_TIMEOUT_MS } from './scale.ts';
import type { Timeline } from './timeline.ts';
import type { Witness, Write } from './witness.ts';

/** A transaction whose caller gave up may still be on its way for so long. */
const LATE_MS = { least: STORE_TIMEOUT_MS, most: 4_000 };
/** Groups a transaction. */
const GROUPS = { least: 1, most: 4 };

export interface StoreNetwork {
  readonly memory: MemoryStore;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
  readonly witness: Witness;
  /** A turn has written a deployment and a spec. */
  readonly onRollback: (environment: EnvironmentId, rollback: Rollback) => void;
  /** The moment until which the store answers nobody. */
  awayUntil: number;
}

export function storePort(process: Process, network: StoreNetwork): ActorStore {
  const { memory, faults, chance, witness, timeline } = network;
  const away = (): boolean => network.awayUntil > timeline.now;
  const trip = (what: string) => ({ what, there: latency(chance, 'store'), back: latency(chance, 'store') });
  const giveUp = async (what: string): Promise<never> => {
    await process.exchange({ what: `${what} without an answer`, there: 0, back: STORE_TIMEOUT_MS }, () => undefined);
    throw new StoreUnavailableError(`${what}: no answer`);
  };
  return {
    async claim(environment, holder) {
      if (away()) return await giveUp('claim');
      const lost = faults.strikes('claim reply lost');
      const result = await process.exchange(trip('claim'), async () => {
        const taken = await memory.claim(environment, holder);
        if (taken.kind === 'claimed') witness.claimed(environment, taken.claim);
        return taken;
      });
      if (lost) return await giveUp('claim');
      if (result.kind !== 'claimed') return result;
      return { kind: 'claimed', claim: claimPort(environment, result.claim) };
    },
    async inventory() {
      if (away()) return await giveUp('inventory');
      return await process.exchange(trip('inventory'), () => memory.inventory());
    },
  };

  function claimPort(environment: EnvironmentId, claim: Claim): Claim {
    let writes = 0;
    const send = (
      what: Write,
      groups: readonly ChangeGroup[],
      write: () => Promise<CommitResult>,
      onLanded: () => void = () => {},
    ): Promise<CommitResult> => {
      const number = (writes += 1);
      const land = async (): Promise<CommitResult> => {
        const result = await write();
        witness.committed({ process, environment, claim, what, groups, result, number });
        if (result.kind === 'committed') onLanded();
        return result;
      };
      return transaction(what, land);
    };
    const commit = async (what: 'intents' | 'outcomes', groups: readonly ChangeGroup[]): Promise<CommitResult> => {
      const most = chance.int(GROUPS.least, GROUPS.most);
      for (let at = 0; at === 0 || at < groups.length; at += most) {
        const some = groups.slice(at, at + most);
        const result = await send(what, some, () =>
          what === 'intents' ? claim.commitIntents(some) : claim.commitOutcomes(some),
        );
        if (result.kind !== 'committed') return result;
      }
      return { kind: 'committed' };
    };
    return {
      world: claim.world,
      storeId: claim.storeId,
      fence: claim.fence,
      commitIntents: (groups) => commit('intents', groups),
      commitOutcomes: (groups) => commit('outcomes', groups),
      rollBack: (rollback) => {
        const onLanded = (): void => network.onRollback(environment, rollback);
        return send('rollback', [], () => claim.rollBack(rollback), onLanded);
      },
      remove: () => send('removal', [], () => claim.remove()),
    };
  }

  async function transaction(what: string, land: () => Promise<CommitResult>): Promise<CommitResult> {
    const unknown = async (reason: string): Promise<CommitResult> => {
      await process.exchange({ what: `${what} ${reason}`, there: 0, back: STORE_TIMEOUT_MS }, () => undefined);
      return { kind: 'unknown', reason };
    };
    if (away()) return await unknown('store away');
    if (faults.strikes('commit lost')) return await unknown('lost');
    if (faults.strikes('commit late')) {
      process.leave(what, () => {
        const ms = faults.chanceOf('commit late').extreme(LATE_MS.least, LATE_MS.most);
        timeline.after(ms, `${process.name} ${what}, late`, () => void land());
      });
      return await unknown('late');
    }
    const replyLost = faults.strikes('commit reply lost');
    const result = await process.exchange(trip(what), land);
    return replyLost ? await unknown('reply lost') : result;
  }
}
