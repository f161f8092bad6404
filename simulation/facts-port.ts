/** The facts cache as a process sees it: a generation goes in piece by piece, and anything may happen in between. */
import type { ClusterArn } from '../src/domain/ids.ts';
import { FactsUnavailableError, type FactsStore, type Generation } from '../src/store/facts-store.ts';
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
    pace: (cluster: ClusterArn) => ask('pace', () => redis.about(cluster)),
    async publish(generation: Generation) {
      const pieces = piecesOf(generation);
      const { cluster, startedAt, revision, storeId, reads } = generation;
      const about = { cluster, startedAt, revision, storeId, reads, pieces: pieces.length + 1 };
      const key = `${process.name} ${(published += 1)}`;
      await ask('publish', () => redis.begin(key, about));
      for (let at = 0; at < pieces.length; at += PIECES_AT_ONCE) {
        if (faults.strikes('emptied while publishing')) network.empty();
        await ask('pieces', () => {
          for (const piece of pieces.slice(at, at + PIECES_AT_ONCE)) redis.write(key, piece);
        });
      }
      if (pieces.length > 0 && faults.strikes('set back while publishing')) {
        redis.setBack(key, faults.chanceOf('set back while publishing').int(1, 3));
      }
      return await ask('published', () => redis.publish(key, generation, about.pieces));
    },
  };
}
