/**
 * The attributes of a cluster's hosts, each distinct set once. Hosts have some 40 attributes, most of them equal between
 * hosts; but some may be another on each, as the id of a trunk interface. Those are kept with the host, or every set
 * would be a set of its own.
 */
import type { Attributes } from '../domain/facts.ts';

type Value = string | null;
export type Pairs = readonly (readonly [name: string, value: Value])[];

/** As many sets as this are always few enough. */
const SETS_FEW = 50;
/** Hosts that a set must serve on average, for its 2 kB to be less than what each host has besides (some 300 bytes). */
const HOSTS_PER_SET_LEAST = 10;

export interface AttributeSets {
  readonly sets: readonly Pairs[];
  /** For each host, in order: the number of its set, and what it has beyond that. */
  readonly hosts: readonly { readonly set: number; readonly own: Pairs }[];
}

/**
 * Names are taken one after the other, those of few values first; each splits the hosts into finer classes. A name that
 * would make too many classes is left to the hosts. What a class has in common is its set.
 */
export function attributeSets(hosts: readonly Attributes[]): AttributeSets {
  const distinct = [...new Set(hosts)];
  const most = Math.max(SETS_FEW, hosts.length / HOSTS_PER_SET_LEAST);
  const own = new Set<string>();
  let classes: readonly number[] = distinct.map(() => 0);
  for (const name of namesByVariety(distinct)) {
    const finer = split(classes, distinct, name);
    if (finer.count > most) own.add(name);
    else classes = finer.classes;
  }
  const sets: Pairs[] = [];
  const kept = new Map<Attributes, AttributeSets['hosts'][number]>();
  for (const [n, attributes] of distinct.entries()) {
    const set = classes[n] ?? 0;
    const pairs = [...attributes];
    sets[set] ??= pairs.filter(([name]) => !own.has(name));
    kept.set(attributes, { set, own: pairs.filter(([name]) => own.has(name)) });
  }
  return { sets, hosts: hosts.map((host) => kept.get(host) ?? { set: 0, own: [] }) };
}

/** Names with more than one value, absence being one; the most uniform first. */
function namesByVariety(all: readonly Attributes[]): readonly string[] {
  const values = new Map<string, { readonly seen: Set<Value>; hosts: number }>();
  for (const attributes of all) {
    for (const [name, value] of attributes) {
      const known = values.get(name) ?? { seen: new Set(), hosts: 0 };
      if (known.hosts === 0) values.set(name, known);
      known.seen.add(value);
      known.hosts += 1;
    }
  }
  return [...values]
    .map(([name, { seen, hosts }]) => ({ name, variety: seen.size + (hosts < all.length ? 1 : 0) }))
    .filter(({ variety }) => variety > 1)
    .toSorted((a, b) => a.variety - b.variety)
    .map(({ name }) => name);
}

/** The classes, numbered from 0, of those that were in one class and have the same value. */
function split(
  classes: readonly number[],
  all: readonly Attributes[],
  name: string,
): { readonly classes: readonly number[]; readonly count: number } {
  const numbers = new Map<number, Map<Value | undefined, number>>();
  let count = 0;
  const finer = all.map((attributes, n) => {
    const before = classes[n] ?? 0;
    const byValue = numbers.get(before) ?? new Map<Value | undefined, number>();
    if (byValue.size === 0) numbers.set(before, byValue);
    const value = attributes.get(name);
    const known = byValue.get(value);
    if (known !== undefined) return known;
    byValue.set(value, count);
    return count++;
  });
  return { classes: finer, count };
}

/** A shared set with the few that one host has beyond it; no name is in both. */
export class OwnAttributes implements Attributes {
  private readonly shared: Attributes;
  private readonly own: Pairs;

  constructor(shared: Attributes, own: Pairs) {
    this.shared = shared;
    this.own = own;
  }

  get size(): number {
    return this.shared.size + this.own.length;
  }

  get(name: string): Value | undefined {
    const shared = this.shared.get(name);
    return shared === undefined ? this.own.find(([own]) => own === name)?.[1] : shared;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  forEach(callback: (value: Value, name: string, map: Attributes) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  *[Symbol.iterator](): Generator<[string, Value], undefined> {
    yield* this.shared;
    for (const [name, value] of this.own) yield [name, value];
  }

  entries(): Generator<[string, Value], undefined> {
    return this[Symbol.iterator]();
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this) yield name;
  }

  *values(): Generator<Value, undefined> {
    for (const [, value] of this) yield value;
  }
}
