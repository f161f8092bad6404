/** Requests of etcd's own API, without etcd3's builders (those are thenables: returning one from async code runs it). */
import type { ICompare, IKeyValue, IRangeRequest, IRangeResponse, IRequestOp } from 'etcd3';
import type { Revision } from '../domain/ids.ts';
import type { KeyRange } from './keys.ts';

// --- compares --------------------------------------------------------------------------------------------------------

export const exists = (key: string): ICompare => ({
  key: Buffer.from(key),
  target: 'Version',
  result: 'Greater',
  version: 0,
});

export const absent = (key: string): ICompare => ({
  key: Buffer.from(key),
  target: 'Version',
  result: 'Equal',
  version: 0,
});

export const modifiedAt = (key: string, revision: Revision): ICompare => ({
  key: Buffer.from(key),
  target: 'Mod',
  result: 'Equal',
  mod_revision: revision,
});

export const hasValue = (key: string, value: string): ICompare => ({
  key: Buffer.from(key),
  target: 'Value',
  result: 'Equal',
  value: Buffer.from(value),
});

// --- operations ------------------------------------------------------------------------------------------------------

export const put = (key: string, value: string, lease?: string): IRequestOp => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value), ...(lease !== undefined && { lease }) },
});

export const remove = (key: string | KeyRange): IRequestOp => ({ request_delete_range: keyFields(key) });

export const get = (key: string | KeyRange): IRequestOp => ({ request_range: keyFields(key) });

export const getFirst = (range: KeyRange, limit: number): IRequestOp => ({
  request_range: { ...keyFields(range), limit },
});

export const getAt = (key: string, revision: Revision): IRequestOp => ({
  request_range: { ...keyFields(key), revision },
});

/** What was written after `revision`. The answer counts the others too (etcd API reference, RangeResponse.count). */
export const getWrittenAfter = (range: KeyRange, revision: Revision, limit: number): IRequestOp => ({
  request_range: { ...keyFields(range), min_mod_revision: revision + 1, limit },
});

/** The range as it was at `revision`, in order of key. */
export const rangeAt = (range: KeyRange, limit: number, revision?: Revision): IRangeRequest => ({
  ...keyFields(range),
  limit,
  ...(revision !== undefined && { revision }),
});

export const keyFields = (key: string | KeyRange): { key: Buffer; range_end?: Buffer } =>
  typeof key === 'string'
    ? { key: Buffer.from(key) }
    : { key: Buffer.from(key.start), range_end: Buffer.from(key.end) };

// --- answers ---------------------------------------------------------------------------------------------------------

/** A key and its value as etcd holds them. */
export interface Entry {
  readonly key: string;
  readonly text: string;
  readonly created: Revision;
  readonly modified: Revision;
}

export const entryOf = (kv: IKeyValue): Entry => ({
  key: kv.key.toString(),
  text: kv.value.toString(),
  created: revisionOf(kv.create_revision),
  modified: revisionOf(kv.mod_revision),
});

/** The value of the one key that was asked for; null when it was not there. */
export const textIn = ({ kvs: [kv] }: IRangeResponse): string | null => kv?.value.toString() ?? null;

/** etcd counts revisions in 64 bits; at a million writes a second a number holds them for 285 years. */
export const revisionOf = (decimal: string): Revision => Number(decimal) as Revision;
