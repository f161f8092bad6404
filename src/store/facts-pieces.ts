/** A generation of facts as text in pieces, each small enough not to hold Redis up. */
import type { Attributes, Facts, Instance, Task } from '../domain/facts.ts';
import type { InstanceArn } from '../domain/ids.ts';
import { attributeSets, OwnAttributes, type Pairs } from './attribute-sets.ts';
import type { Generation } from './facts-store.ts';

/** Instances or tasks a piece: some 200 kB of JSON. */
const ITEMS_PER_PIECE = 500;
/** Sets of attributes a piece: as much. */
const SETS_PER_PIECE = 100;

/** Under which field, and what. */
export type Piece = readonly [field: string, json: string];

/** The number of the set, and what the host has beyond it if it has more. */
type Reference = number | readonly [set: number, own: Pairs];
type WrittenInstance = Omit<Instance, 'attributes'> & { readonly attributes: Reference };

export function piecesOf({ instances, tasks }: Pick<Generation, 'instances' | 'tasks'>): readonly Piece[] {
  const { sets, hosts } = attributeSets(instances.map(({ attributes }) => attributes));
  const written = instances.map((instance, n): WrittenInstance => {
    const { set, own } = hosts[n] ?? { set: 0, own: [] };
    return { ...instance, attributes: own.length === 0 ? set : [set, own] };
  });
  return [
    ...cut('attributes', sets, SETS_PER_PIECE),
    ...cut('instances', written, ITEMS_PER_PIECE),
    ...cut('tasks', tasks, ITEMS_PER_PIECE),
  ];
}

function cut(kind: string, items: readonly unknown[], most: number): readonly Piece[] {
  return Array.from({ length: Math.ceil(items.length / most) }, (_, n) => {
    const from = n * most;
    return [`${kind}:${from}`, JSON.stringify(items.slice(from, from + most))] as const;
  });
}

/** What the pieces hold, in whatever order they come. Throws on pieces that no `piecesOf` made. */
export function assembled(pieces: Readonly<Record<string, string>>): Pick<Facts, 'instances' | 'tasks'> {
  const sets = setsIn(pieces);
  const instances = new Map<InstanceArn, Instance>();
  const tasks = new Map<string, Task[]>();
  const one = onlyOnce();
  for (const [field, json] of Object.entries(pieces)) {
    if (field.startsWith('instances:')) {
      for (const written of JSON.parse(json) as ReadInstance[]) {
        written.attributes = attributesOf(sets, written.attributes as Reference);
        instances.set(written.arn, written as Instance);
      }
    } else if (field.startsWith('tasks:')) {
      for (const task of JSON.parse(json) as Writable<Task>[]) {
        task.instance = one(task.instance);
        task.group = one(task.group);
        task.startedBy = one(task.startedBy);
        task.taskDefinition = one(task.taskDefinition);
        const group = tasks.get(task.group);
        if (group === undefined) tasks.set(task.group, [task]);
        else group.push(task);
      }
    }
  }
  return { instances, tasks };
}

/** Changed in place: thousands are read at once, and nobody else has them. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] };
type ReadInstance = Omit<Instance, 'attributes'> & { attributes: Reference | Attributes };

/** One copy of each text: fifty thousand tasks name their host, group and definition in thirteen megabytes, parsed each by itself. */
function onlyOnce(): <T extends string | null>(text: T) => T {
  const known = new Map<string | null, string | null>();
  return <T extends string | null>(text: T): T => {
    const there = known.get(text);
    if (there !== undefined) return there as T;
    known.set(text, text);
    return text;
  };
}

function setsIn(pieces: Readonly<Record<string, string>>): readonly Attributes[] {
  const sets: Attributes[] = [];
  for (const [field, json] of Object.entries(pieces)) {
    if (!field.startsWith('attributes:')) continue;
    const from = Number(field.slice('attributes:'.length));
    for (const [n, pairs] of (JSON.parse(json) as Pairs[]).entries()) sets[from + n] = new Map(pairs);
  }
  return sets;
}

function attributesOf(sets: readonly Attributes[], reference: Reference): Attributes {
  const set = sets[typeof reference === 'number' ? reference : reference[0]];
  if (set === undefined) throw new Error(`no such set of attributes: ${JSON.stringify(reference)}`);
  return typeof reference === 'number' ? set : new OwnAttributes(set, reference[1]);
}
