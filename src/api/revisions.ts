/** Revisions: made from content, named by it. Equal content is the same revision. */
import { createHash } from 'node:crypto';
import { as } from '../domain/ids.ts';
import type { Instant, RevisionId, Template } from '../domain/ids.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';

export type RevisionContent = Omit<EnvironmentRevision, 'id' | 'template' | 'createdAt'>;

export const revisionOf = (content: RevisionContent, createdAt: Instant): EnvironmentRevision => {
  const { taskDefinition, healthCheck, networkConfiguration, query, configuration } = content;
  const template = as<Template>(hashOf({ taskDefinition, networkConfiguration }));
  const hashed = { template, taskDefinition, healthCheck, networkConfiguration, query, configuration };
  return { id: as<RevisionId>(hashOf(hashed)), ...hashed, createdAt };
};

/** 64 bits in hexadecimal digits. */
const HASH_CHARACTERS = 16;

const hashOf = (value: object): string =>
  createHash('sha256').update(canonical(value)).digest('hex').slice(0, HASH_CHARACTERS);

/** JSON with the members of each object in order, so that equal values have equal texts. */
const canonical = (value: object): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
