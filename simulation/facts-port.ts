/** The facts cache as a process sees it: a generation goes in piece by piece, and anything may happen in between. */
import type { ClusterArn } from '../src/domain/ids.ts';
import { FactsUnavailableError, type FactsStore, type Generation, type Standing } from '../src/store/facts-store.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import { latency } from './latency.ts';
import type { Process } from './process.ts';
import { piecesOf, type Redis } from './redis.ts';
import type { Timeline } from './timeline.ts';

const LATE_MS = { least: 300, most: 1_500 };
/** Commands in a row that travel together. */
const PIECES_AT_ONCE = 4;
const GIVE_UP_MS = 100;

export interface RedisNetwork {
  readonly redis: Redis;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
  /** FLUSHALL: the queue is in the same Redis. */
  readonly empty: () => void;
}

export function factsPort(process: Process, network: RedisNetwork): FactsStore {
  const { redis, faults, chance, timeline } = network;
  let published = 0;

  async function ask<T>(what: string, command: () => T): Promise<T> {
    const late = faults.strikes('facts late') ? faults.chanceOf('facts late').int(LATE_MS.least, LATE_MS.most) : 0;
    const there = latency(chance, 'redis');
    if (redis.awayUntil > timeline.now) {
      await process.exchange({ what, there, back: GIVE_UP_MS }, () => undefined);
      throw new FactsUnavailableError(`${what}: no answer`);
    }
    return await process.exchange({ what, there, back: latency(chance, 'redis') + late }, command);
  }

  return {
    read: (cluster: ClusterArn) => ask('facts', () => redis.read(cluster)),
    standing: (cluster: ClusterArn) => ask('standing', () => redis.about(cluster)),
    async publish(generation: Generation, replaces: Standing | null) {
      const pieces = piecesOf(generation);
      const { cluster, startedAt, revision, storeId, reads } = generation;
      const id = `${process.name} ${(published += 1)}`;
      const about = { id, cluster, startedAt, revision, storeId, reads, pieces: pieces.length + 1 };
      await ask('publish', () => redis.begin(about));
      for (let at = 0; at < pieces.length; at += PIECES_AT_ONCE) {
        if (faults.strikes('emptied while publishing')) network.empty();
        await ask('pieces', () => {
          for (const piece of pieces.slice(at, at + PIECES_AT_ONCE)) redis.write(id, piece);
        });
      }
      if (pieces.length > 0 && faults.strikes('set back while publishing')) {
        redis.setBack(id, faults.chanceOf('set back while publishing').int(1, 3));
      }
      return await ask('published', () => redis.publish(about, replaces));
    },
  };
}
