/**
 * The facts cache in Redis: one hash a cluster, holding one generation in pieces, and a field that describes it.
 * A generation is written beside the live one and takes its place in one script, which counts the pieces first:
 * if Redis lost any of them meanwhile (FLUSHALL, a restart), nothing is published.
 *
 * Sightings are a stream beside it: readers take what is new to them, in Redis's own order. Publishing a generation trims
 * the stream in the same script. What is older than a listing is told by Redis's clock alone, and by how long the survey
 * took by the clock of whoever made it: no two clocks are compared.
 */
import { randomUUID } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';
import { z } from 'zod';
import type { Facts } from '../domain/facts.ts';
import { as, type ClusterArn, type Instant, type Revision } from '../domain/ids.ts';
import { inReadingOrder, PiecesReader, piecesOf } from './facts-pieces.ts';
import {
  FactsUnavailableError,
  type FactsStore,
  type Generation,
  type Sighting,
  type SightingStore,
  type Standing,
} from './facts-store.ts';
import { SightingReader, sightingText } from './sighting-codec.ts';
import { withSightings } from './sightings.ts';

/** A generation nobody renews is dropped after this: its cluster has no environment any more. */
const LIFE_MS = 24 * 60 * 60 * 1_000;
/** A half-written generation nobody finishes. */
const STAGING_LIFE_MS = 60_000;
/** Pieces a call: some two megabytes. */
const PIECES_AT_ONCE = 10;
/** A generation takes milliseconds to read, and the next one comes seconds later. */
const LOADS_MOST = 3;
const ABOUT = 'about';
/** The description of no generation. */
const NONE = '';
/** A cluster's sightings between two surveys; the oldest go first. A busy rollout on 5,000 hosts has some 20,000 events, most of them no news. */
const SIGHTINGS_MOST = 10_000;
const SIGHTING = 'sighting';
/** ECS's listings lag behind its events by seconds: a listing does not do away with a sighting that came shortly before it. */
const LISTING_LAG_MS = 10_000;

/**
 * KEYS: staged, live, sightings. ARGV: pieces expected, description of the one to replace, life, age of this listing with the
 * lag. Returns 1 when published. Descriptions are compared as texts: one that cannot be read is replaced like any other.
 */
const PUBLISH = `
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
local live = redis.call('HGET', KEYS[2], '${ABOUT}')
if live and live ~= ARGV[2] then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local time = redis.call('TIME')
local began = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) - tonumber(ARGV[4])
redis.call('XTRIM', KEYS[3], 'MINID', string.format('%.0f', math.max(0, began)))
return 1
`;

const aboutSchema = z.object({
  id: z.string(),
  startedAt: z.number(),
  revision: z.number(),
  storeId: z.string(),
  reads: z.number(),
  pieces: z.number(),
});
type About = z.infer<typeof aboutSchema>;

/** A generation, with all sightings up to the stream's entry `upTo`. */
interface Known {
  readonly id: string;
  readonly upTo: string;
  readonly facts: Facts;
}

export class RedisFacts implements FactsStore, SightingStore {
  private readonly redis: Redis;
  private readonly prefix: string;
  private readonly now: () => Instant;
  /** What was last read of each cluster: turns between two surveys share it. */
  private readonly known = new Map<ClusterArn, Known>();

  private readonly reading = new Map<ClusterArn, Promise<Facts | null>>();

  /** `now`: the clock that generations' starts are of. */
  constructor(redis: Redis, prefix: string, now: () => Instant) {
    this.redis = redis;
    this.prefix = prefix;
    this.now = now;
  }

  async read(cluster: ClusterArn): Promise<Facts | null> {
    // Nothing is known until then, and so all sightings would be asked for.
    await this.reading.get(cluster);
    const since = this.known.get(cluster)?.upTo ?? NOTHING_SIGHTED;
    const [json, entries] = await this.ask(() =>
      Promise.all([
        this.redis.hget(this.key(cluster), ABOUT),
        this.redis.xrange(this.sightingsKey(cluster), `(${since}`, '+'),
      ]),
    );
    const about = parseAbout(json);
    if (about === null) {
      this.known.delete(cluster);
      return null;
    }
    // Other readers may have come first, and further: adding the same sightings again changes nothing.
    const known = this.known.get(cluster);
    if (known?.id === about.id) return this.keep(cluster, withEntries(known, entries)).facts;
    // A new generation wakes many turns at once; one of them reads it for all. What it read may be older than their
    // question, so they ask again, which is cheap by then.
    if (this.reading.has(cluster)) return await this.read(cluster);
    const reading = this.load(cluster).finally(() => this.reading.delete(cluster));
    this.reading.set(cluster, reading);
    return await reading;
  }

  private async load(cluster: ClusterArn): Promise<Facts | null> {
    // As large as what is read. Without it, what is sighted meanwhile is written with all its attributes, and that is all.
    this.known.delete(cluster);
    const key = this.key(cluster);
    for (let attempt = 1; attempt <= LOADS_MOST; attempt += 1) {
      // The generation first: what a later one does away with meanwhile is no loss, as the next read takes that one.
      const [json, fields, entries] = await this.ask(() =>
        Promise.all([
          this.redis.hget(key, ABOUT),
          this.redis.hkeys(key),
          this.redis.xrange(this.sightingsKey(cluster), '-', '+'),
        ]),
      );
      const about = parseAbout(json);
      if (json === null || about === null) return null;
      // Of another generation already, or a piece was lost; then it is no better the next time.
      if (fields.length !== about.pieces) continue;
      const read = await this.pieces(key, json, inReadingOrder(fields));
      if (read === 'lost') return null;
      if (read === 'replaced') continue;
      const facts = factsOf(cluster, about, read);
      return this.keep(cluster, withEntries({ id: about.id, upTo: NOTHING_SIGHTED, facts }, entries)).facts;
    }
    return null;
  }

  /** A few at a time, as long as they are of the generation that `about` describes: whole, they are twenty megabytes for 50,000 tasks. */
  private async pieces(
    key: string,
    about: string,
    fields: readonly string[],
  ): Promise<PiecesReader | 'replaced' | 'lost'> {
    const reader = new PiecesReader();
    const asked = fields.filter((field) => field !== ABOUT);
    for (let from = 0; from < asked.length; from += PIECES_AT_ONCE) {
      const some = asked.slice(from, from + PIECES_AT_ONCE);
      const [still, ...texts] = await this.ask(() => this.redis.hmget(key, ABOUT, ...some));
      if (still !== about) return 'replaced';
      const isWhole = parsed(() => {
        for (const [n, field] of some.entries()) reader.add([field, texts[n] ?? '']);
        return true;
      });
      if (isWhole === null) return 'lost';
    }
    return reader;
  }

  private keep(cluster: ClusterArn, known: Known): Known {
    this.known.set(cluster, known);
    return known;
  }

  async sight(cluster: ClusterArn, sightings: readonly Sighting[]): Promise<void> {
    if (sightings.length === 0) return;
    const key = this.sightingsKey(cluster);
    const facts = this.known.get(cluster)?.facts ?? null;
    const writing = this.redis.multi();
    for (const sighting of sightings) {
      writing.xadd(key, 'MAXLEN', '~', SIGHTINGS_MOST, '*', SIGHTING, sightingText(sighting, facts));
    }
    writing.pexpire(key, LIFE_MS);
    await this.ask(() => allDone(writing));
  }

  async standing(cluster: ClusterArn): Promise<Standing | null> {
    const text = await this.ask(() => this.redis.hget(this.key(cluster), ABOUT));
    if (text === null) return null;
    // One that cannot be read is as old as can be.
    const { startedAt, reads } = parseAbout(text) ?? { startedAt: 0, reads: 0 };
    return { id: text, startedAt: as<Instant>(startedAt), reads };
  }

  async publish(generation: Generation, replaces: Standing | null): Promise<boolean> {
    const id = randomUUID();
    const live = this.key(generation.cluster);
    const staged = `${live}:${id}`;
    const { startedAt, revision, storeId, reads } = generation;
    let pieces = 1;
    // What may go wrong in writing them out is no fault of Redis.
    for (const [field, json] of piecesOf(generation)) {
      await this.ask(() => this.stage(staged, field, json));
      pieces += 1;
    }
    const about: About = { id, startedAt, revision, storeId, reads, pieces };
    return await this.ask(async () => {
      await this.stage(staged, ABOUT, JSON.stringify(about));
      const age = Math.max(0, this.now() - startedAt) + LISTING_LAG_MS;
      const sightings = this.sightingsKey(generation.cluster);
      const keys = [staged, live, sightings];
      const args = [about.pieces, replaces?.id ?? NONE, LIFE_MS, age];
      return (await this.redis.eval(PUBLISH, keys.length, ...keys, ...args)) === 1;
    });
  }

  private async stage(staged: string, field: string, json: string): Promise<void> {
    await allDone(this.redis.multi().hset(staged, field, json).pexpire(staged, STAGING_LIFE_MS));
  }

  /** v2: the shape of the pieces; another shape is another key. The braces make one cluster's keys one slot in Redis Cluster. */
  private key(cluster: ClusterArn): string {
    return `${this.prefix}:facts:v2:{${cluster}}`;
  }

  private sightingsKey(cluster: ClusterArn): string {
    return `${this.key(cluster)}:sightings`;
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new FactsUnavailableError(`Redis: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

const NOTHING_SIGHTED = '0-0';

async function allDone(transaction: ChainableCommander): Promise<void> {
  for (const [error] of (await transaction.exec()) ?? []) if (error !== null) throw error;
}

/** As a stream has them: an id, then names and values in turn. */
type Entry = [id: string, fields: string[]];

function withEntries(known: Known, entries: readonly Entry[]): Known {
  const last = entries.at(-1)?.[0];
  if (last === undefined) return known;
  const reader = new SightingReader(known.facts);
  const sightings = entries
    .map(([, [, text = '']]) => parsed(() => reader.read(text)))
    .filter((sighting) => sighting !== null);
  return { ...known, upTo: later(known.upTo, last), facts: withSightings(known.facts, sightings) };
}

/** Ids are `milliseconds-number`. */
function later(a: string, b: string): string {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return bMs > aMs || (bMs === aMs && bNumber > aNumber) ? b : a;
}

/** Unreadable facts are no facts: the next survey replaces them. */
function parseAbout(json: string | null | undefined): About | null {
  if (json == null) return null;
  return parsed(() => aboutSchema.parse(JSON.parse(json)));
}

function parsed<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

const factsOf = (cluster: ClusterArn, about: About, { instances, tasks }: PiecesReader): Facts => ({
  cluster,
  startedAt: as<Instant>(about.startedAt),
  revision: as<Revision>(about.revision),
  storeId: about.storeId,
  instances,
  tasks,
  unlisted: new Set(),
});
