/**
 * The facts cache in Redis: one hash a cluster, holding one generation in pieces, and a field that describes it.
 * A generation is written beside the live one and takes its place in one script, which counts the pieces first:
 * if Redis lost any of them meanwhile (FLUSHALL, a restart), nothing is published.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Facts, Instance, Task } from '../domain/facts.ts';
import { as, type ClusterArn, type InstanceArn, type Instant, type Revision } from '../domain/ids.ts';
import { FactsUnavailableError, type FactsStore, type Generation } from './facts-store.ts';

/** Instances or tasks a piece: some 200 kB of JSON, small enough not to hold Redis up. */
const ITEMS_PER_PIECE = 500;
/** A generation nobody renews is dropped after this: its cluster has no environment any more. */
const LIFE_MS = 24 * 60 * 60 * 1_000;
/** A half-written generation nobody finishes. */
const STAGING_LIFE_MS = 60_000;
const ABOUT = 'about';

/**
 * KEYS: staged, live. ARGV: pieces expected, start of this listing, life, its revision. Returns 1 when published.
 * The live one stays only if it is the later by clock and by revision: a clock that is ahead must not hold it for ever.
 */
const PUBLISH = `
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
local live = redis.call('HGET', KEYS[2], '${ABOUT}')
local read, about = pcall(cjson.decode, live or '{}')
if live and read and about.startedAt >= tonumber(ARGV[2]) and about.revision >= tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
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

export class RedisFacts implements FactsStore {
  private readonly redis: Redis;
  private readonly prefix: string;
  /** The last generation read of each cluster: turns between two surveys share it. */
  private readonly known = new Map<ClusterArn, { readonly id: string; readonly facts: Facts }>();

  private readonly reading = new Map<ClusterArn, Promise<Facts | null>>();

  constructor(redis: Redis, prefix: string) {
    this.redis = redis;
    this.prefix = prefix;
  }

  async read(cluster: ClusterArn): Promise<Facts | null> {
    const about = await this.about(cluster);
    if (about === null) {
      this.known.delete(cluster);
      return null;
    }
    const known = this.known.get(cluster);
    if (known?.id === about.id) return known.facts;
    // A new generation wakes many turns at once; one of them reads it for all.
    const under = this.reading.get(cluster);
    if (under !== undefined) return await under;
    const reading = this.load(cluster).finally(() => this.reading.delete(cluster));
    this.reading.set(cluster, reading);
    return await reading;
  }

  private async load(cluster: ClusterArn): Promise<Facts | null> {
    const pieces = await this.ask(() => this.redis.hgetall(this.key(cluster)));
    const about = parseAbout(pieces[ABOUT]);
    if (about === null || Object.keys(pieces).length !== about.pieces) return null;
    const facts = assemble(cluster, about, pieces);
    if (facts !== null) this.known.set(cluster, { id: about.id, facts });
    return facts;
  }

  async pace(cluster: ClusterArn): Promise<{ readonly startedAt: Instant; readonly reads: number } | null> {
    const about = await this.about(cluster);
    return about === null ? null : { startedAt: as<Instant>(about.startedAt), reads: about.reads };
  }

  async publish(generation: Generation): Promise<boolean> {
    const id = randomUUID();
    const live = this.key(generation.cluster);
    const staged = `${live}:${id}`;
    const pieces: [string, string][] = [
      ...piecesOf('instances', generation.instances),
      ...piecesOf('tasks', generation.tasks),
    ];
    const { startedAt, revision, storeId, reads } = generation;
    const about: About = { id, startedAt, revision, storeId, reads, pieces: pieces.length + 1 };
    return await this.ask(async () => {
      await this.redis.hset(staged, ABOUT, JSON.stringify(about));
      await this.redis.pexpire(staged, STAGING_LIFE_MS);
      for (const [field, json] of pieces) await this.redis.hset(staged, field, json);
      return (await this.redis.eval(PUBLISH, 2, staged, live, about.pieces, startedAt, LIFE_MS, revision)) === 1;
    });
  }

  private async about(cluster: ClusterArn): Promise<About | null> {
    return parseAbout(await this.ask(() => this.redis.hget(this.key(cluster), ABOUT)));
  }

  /** v1: the shape of the pieces; another shape is another key. The braces make one cluster's keys one slot in Redis Cluster. */
  private key(cluster: ClusterArn): string {
    return `${this.prefix}:facts:v1:{${cluster}}`;
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new FactsUnavailableError(`Redis: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function piecesOf(kind: string, items: readonly unknown[]): [string, string][] {
  const pieces: [string, string][] = [];
  for (let at = 0; at < items.length; at += ITEMS_PER_PIECE) {
    pieces.push([`${kind}:${at}`, JSON.stringify(items.slice(at, at + ITEMS_PER_PIECE))]);
  }
  return pieces;
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

const assemble = (cluster: ClusterArn, about: About, pieces: Readonly<Record<string, string>>): Facts | null =>
  parsed(() => assembled(cluster, about, pieces));

function assembled(cluster: ClusterArn, about: About, pieces: Readonly<Record<string, string>>): Facts {
  const instances = new Map<InstanceArn, Instance>();
  const tasks = new Map<string, Task[]>();
  for (const [field, json] of Object.entries(pieces)) {
    if (field.startsWith('instances:')) {
      for (const instance of JSON.parse(json) as Instance[]) instances.set(instance.arn, instance);
    } else if (field.startsWith('tasks:')) {
      for (const task of JSON.parse(json) as Task[]) {
        const group = tasks.get(task.group);
        if (group === undefined) tasks.set(task.group, [task]);
        else group.push(task);
      }
    }
  }
  return {
    cluster,
    startedAt: as<Instant>(about.startedAt),
    revision: as<Revision>(about.revision),
    storeId: about.storeId,
    instances,
    tasks,
  };
}
