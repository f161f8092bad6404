/** The pure rules of an update: it makes a revision and a token, and moves nothing. */
import type { AdoptSelector } from './adoption.ts';
import type { EnvironmentSpec } from './environment.ts';
import type { DeploymentToken, EnvironmentName } from './ids.ts';
import type { EnvironmentRevision } from './revision.ts';

/** What of a spec an update sets besides its revision. */
export interface Standing {
  readonly adopt: AdoptSelector | null;
  readonly drainAfter: readonly EnvironmentName[];
  readonly required: boolean;
}

export interface Update extends Standing {
  /** The token the caller shows: proof that he has seen what he changes. */
  readonly token: DeploymentToken;
  /** What it becomes: whoever saw the environment before does not deploy it as it is now. */
  readonly next: DeploymentToken;
  readonly revision: EnvironmentRevision;
}

export type UpdateDecision =
  | { readonly kind: 'update'; readonly spec: EnvironmentSpec }
  /** The environment is being deleted, so for callers it does not exist. */
  | { readonly kind: 'gone' }
  /** The environment has another token. */
  | { readonly kind: 'outdated' };

export const decideUpdate = (spec: EnvironmentSpec, update: Update): UpdateDecision => {
  const refused = mayUpdate(spec, update.token);
  if (refused !== null) return { kind: refused };
  const { next, revision, adopt, drainAfter, required } = update;
  return { kind: 'update', spec: { ...spec, deploymentToken: next, revision, adopt, drainAfter, required } };
};

/** null: it may. A token names the content of an environment, so what was decided for it holds as long as the token does. */
export const mayUpdate = (spec: EnvironmentSpec, token: DeploymentToken): 'gone' | 'outdated' | null => {
  if (spec.deletion !== null) return 'gone';
  return spec.deploymentToken === token ? null : 'outdated';
};

/** The revisions that a change of a spec leaves behind and makes, each once: a transaction writes a key once. */
export const revisionsToKeep = (before: EnvironmentSpec, now: EnvironmentSpec): readonly EnvironmentRevision[] =>
  before.revision.id === now.revision.id ? [now.revision] : [before.revision, now.revision];

export type DrainOrderFault =
  | { readonly kind: 'itself' | 'unknown'; readonly index: number; readonly name: EnvironmentName }
  /** From the environment back to it. */
  | { readonly kind: 'cycle'; readonly path: readonly EnvironmentName[] };

/**
 * What is wrong with an environment draining after those; `others` are all environments of its cluster. Two updates at the same
 * time may still close a cycle between them: the wait on a draining host has a deadline for that.
 */
export const drainOrderFault = (
  name: EnvironmentName,
  drainAfter: readonly EnvironmentName[],
  others: ReadonlyMap<EnvironmentName, readonly EnvironmentName[]>,
): DrainOrderFault | null => {
  for (const [index, other] of drainAfter.entries()) {
    if (other === name) return { kind: 'itself', index, name };
    if (!others.has(other)) return { kind: 'unknown', index, name: other };
  }
  const path = pathTo(name, drainAfter, others);
  return path === null ? null : { kind: 'cycle', path: [name, ...path] };
};

/** A way from one of `from` to `to`, breadth first: the shortest is the easiest to understand. */
const pathTo = (
  to: EnvironmentName,
  from: readonly EnvironmentName[],
  next: ReadonlyMap<EnvironmentName, readonly EnvironmentName[]>,
): readonly EnvironmentName[] | null => {
  const seen = new Set<EnvironmentName>(from);
  const paths: (readonly EnvironmentName[])[] = from.map((name) => [name]);
  for (const path of paths) {
    const last = path.at(-1);
    if (last === undefined) continue;
    if (last === to) return path;
    for (const name of next.get(last) ?? []) {
      if (seen.has(name)) continue;
      seen.add(name);
      paths.push([...path, name]);
    }
  }
  return null;
};
