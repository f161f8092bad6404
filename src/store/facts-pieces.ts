/** A generation of facts as text in pieces, each small enough not to hold Redis up. */
import type { Attributes, Instance, Task } from '../domain/facts.ts';
import type { InstanceArn } from '../domain/ids.ts';
import { onlyOnce } from '../domain/only-once.ts';
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

/** Each is written out when it is asked for: together they are twenty megabytes for 50,000 tasks. */
export function* piecesOf({ instances, tasks }: Pick<Generation, 'instances' | 'tasks'>): Generator<Piece, undefined> {
  const { sets, hosts } = attributeSets(instances.map(({ attributes }) => attributes));
  const written = instances.map((instance, n): WrittenInstance => {
    const { set, own } = hosts[n] ?? { set: 0, own: [] };
    return { ...instance, attributes: own.length === 0 ? set : [set, own] };
  });
  yield* cut('attributes', sets, SETS_PER_PIECE);
  yield* cut('instances', written, ITEMS_PER_PIECE);
  yield* cut('tasks', tasks, ITEMS_PER_PIECE);
}

function* cut(kind: string, items: readonly unknown[], most: number): Generator<Piece, undefined> {
  for (let from = 0; from < items.length; from += most) {
    yield [`${kind}:${from}`, JSON.stringify(items.slice(from, from + most))];
  }
}

/** Sets of attributes come before the hosts that refer to them. */
export const inReadingOrder = (fields: readonly string[]): readonly string[] => fields.toSorted();

/** Takes the pieces one by one, so that their text need not be held. Throws on pieces that no `piecesOf` made. */
export class PiecesReader {
  readonly instances = new Map<InstanceArn, Instance>();
  readonly tasks = new Map<string, Task[]>();
  readonly #sets: Attributes[] = [];
  readonly #one = onlyOnce();

  /** In reading order. */
  add([field, json]: Piece): void {
    const [kind, from] = field.split(':');
    if (kind === 'attributes') this.#addSets(Number(from), JSON.parse(json) as Pairs[]);
    else if (kind === 'instances') this.#addInstances(JSON.parse(json) as ReadInstance[]);
    else if (kind === 'tasks') this.#addTasks(JSON.parse(json) as Writable<Task>[]);
  }

  #addSets(from: number, sets: readonly Pairs[]): void {
    for (const [n, pairs] of sets.entries()) this.#sets[from + n] = new Map(pairs);
  }

  #addInstances(all: readonly ReadInstance[]): void {
    for (const written of all) {
      written.attributes = attributesOf(this.#sets, written.attributes as Reference);
      this.instances.set(written.arn, written as Instance);
    }
  }

  #addTasks(all: readonly Writable<Task>[]): void {
    for (const task of all) {
      task.instance = this.#one(task.instance);
      task.group = this.#one(task.group);
      task.startedBy = this.#one(task.startedBy);
      task.taskDefinition = this.#one(task.taskDefinition);
      const group = this.tasks.get(task.group);
      if (group === undefined) this.tasks.set(task.group, [task]);
      else group.push(task);
    }
  }
}

/** Changed in place: thousands are read at once, and nobody else has them. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] };
type ReadInstance = Omit<Instance, 'attributes'> & { attributes: Reference | Attributes };

function attributesOf(sets: readonly Attributes[], reference: Reference): Attributes {
  const set = sets[typeof reference === 'number' ? reference : reference[0]];
  if (set === undefined) throw new Error(`no such set of attributes: ${JSON.stringify(reference)}`);
  return typeof reference === 'number' ? set : new OwnAttributes(set, reference[1]);
}
