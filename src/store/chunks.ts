/**
 * Packs groups of writes into transactions. A group is never split, groups keep their order, and of two writes to one key
 * in a transaction only the later is kept: etcd refuses a transaction that touches a key twice.
 */

/** etcd's default `--max-txn-ops`. Compares are counted on their own, against the same number. */
export const MAX_OPERATIONS = 128;
/** etcd's default `--max-request-bytes` is 1.5 MiB for the whole request; the rest is room for keys, compares and framing. */
export const MAX_BYTES = 1_000_000;

export interface Packing<Write> {
  /** Two writes of one key are the same write, for the store. */
  readonly keyOf: (write: Write) => string;
  readonly bytesOf: (write: Write) => number;
}

/**
 * One transaction after the other, each made when it is asked for: a commit for thousands of hosts is megabytes, written out.
 * Throws RangeError at a group that no transaction holds, which is a bug of whoever made it; the transactions before that one stand.
 */
export function* packGroups<Write>(
  groups: Iterable<readonly Write[]>,
  { keyOf, bytesOf }: Packing<Write>,
): Generator<readonly Write[], undefined> {
  let chunk = new Map<string, Write>();
  let bytes = 0;
  for (const group of groups) {
    const latest = new Map(group.map((write) => [keyOf(write), write]));
    if (latest.size > MAX_OPERATIONS)
      throw new RangeError(`a group of ${latest.size} writes, at most ${MAX_OPERATIONS}`);
    const groupBytes = sum([...latest.values()].map(bytesOf));
    const added = [...latest.keys()].filter((key) => !chunk.has(key)).length;
    if (chunk.size > 0 && (chunk.size + added > MAX_OPERATIONS || bytes + groupBytes > MAX_BYTES)) {
      yield [...chunk.values()];
      chunk = new Map();
      bytes = 0;
    }
    for (const [key, write] of latest) chunk.set(key, write);
    bytes += groupBytes;
  }
  if (chunk.size > 0) yield [...chunk.values()];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
