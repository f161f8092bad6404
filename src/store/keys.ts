/**
 * The only file that knows key strings. Under the root:
 *
 *   env/spec/<id>                    API       the desired state
 *   env/deployment/<id>/<deployment> API       a request for a deployment, never changed
 *   env/revision/<id>/<revision>     API       what the environment was or is to be, never changed
 *   env/progress/<id>/<deployment>   actor     how far it has come
 *   env/status/<id>                  actor     health and counts
 *   actor/<id>/fence                 actor     its mod revision is the fencing token
 *   actor/<id>/launch/<launch>       actor     a launch we promised
 *   actor/<id>/slot/<instance ARN>   actor     what we have on one host
 *   history/<id>/<instance ARN>/<nn> actor     the last decisions about a host, in a ring
 *   cluster/<cluster ARN>/fence      cluster   fence of the cluster's own actor; once there, it stays
 *   name/<name>                      API       the environment that has the name; the actor's `remove` frees it
 *   idem/<key>                       API       a remembered answer, under a lease
 *   void/<operation>                 API       that operation must not land any more, under a lease
 *   written                          both      touched by each write of the API and of a spec, with a value that no other write has:
 *                                              the mod revision is the read index, the value tells histories apart
 *
 * Everything of an environment lies under its id, which is never used again, so that a late write cannot reach its successor of the same name.
 * Readers watch `env/`. Specs lie together, so that listing them does not read everything else.
 */
import type {
  ClusterArn,
  DeploymentId,
  EnvironmentId,
  EnvironmentName,
  InstanceArn,
  LaunchId,
  RevisionId,
} from '../domain/ids.ts';

export const DEFAULT_ROOT = '/ds/v1/';

/** A range of keys: `start` included, `end` not. */
export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

export interface Keys {
  readonly spec: (id: EnvironmentId) => string;
  readonly deployment: (id: EnvironmentId, deployment: DeploymentId) => string;
  readonly revision: (id: EnvironmentId, revision: RevisionId) => string;
  readonly progress: (id: EnvironmentId, deployment: DeploymentId) => string;
  readonly status: (id: EnvironmentId) => string;
  readonly fence: (id: EnvironmentId) => string;
  readonly launch: (id: EnvironmentId, launch: LaunchId) => string;
  readonly slot: (id: EnvironmentId, instance: InstanceArn) => string;
  readonly history: (id: EnvironmentId, instance: InstanceArn, place: number) => string;
  readonly clusterFence: (cluster: ClusterArn) => string;
  readonly name: (name: EnvironmentName) => string;
  readonly remembered: (key: string) => string;
  readonly voided: (operation: string) => string;
  readonly written: string;
  readonly specs: KeyRange;
  readonly deployments: (id: EnvironmentId) => KeyRange;
  readonly revisions: (id: EnvironmentId) => KeyRange;
  readonly allProgress: (id: EnvironmentId) => KeyRange;
  /** Fence, launches and slots of an environment. */
  readonly actor: (id: EnvironmentId) => KeyRange;
  readonly historyOf: (id: EnvironmentId, instance: InstanceArn) => KeyRange;
  readonly allHistory: (id: EnvironmentId) => KeyRange;
  /** All that readers see: what the view lists and watches. */
  readonly readable: KeyRange;
  /** What a key is of; null when it is none of ours. */
  readonly parse: (key: string) => ParsedKey | null;
}

export type ParsedKey =
  | { readonly kind: 'spec' | 'status' | 'fence'; readonly environment: EnvironmentId }
  | { readonly kind: 'deployment' | 'progress'; readonly environment: EnvironmentId; readonly deployment: DeploymentId }
  | { readonly kind: 'revision'; readonly environment: EnvironmentId; readonly revision: RevisionId }
  | { readonly kind: 'launch'; readonly environment: EnvironmentId; readonly launch: LaunchId }
  | { readonly kind: 'slot'; readonly environment: EnvironmentId; readonly instance: InstanceArn };

export function keysUnder(root: string): Keys {
  const env = `${root}env/`;
  const actor = `${root}actor/`;
  return {
    spec: (id) => `${env}spec/${id}`,
    deployment: (id, deployment) => `${env}deployment/${id}/${deployment}`,
    revision: (id, revision) => `${env}revision/${id}/${revision}`,
    progress: (id, deployment) => `${env}progress/${id}/${deployment}`,
    status: (id) => `${env}status/${id}`,
    fence: (id) => `${actor}${id}/fence`,
    launch: (id, launch) => `${actor}${id}/launch/${launch}`,
    slot: (id, instance) => `${actor}${id}/slot/${instance}`,
    history: (id, instance, place) => `${root}history/${id}/${instance}/${String(place).padStart(2, '0')}`,
    clusterFence: (cluster) => `${root}cluster/${cluster}/fence`,
    name: (name) => `${root}name/${name}`,
    remembered: (key) => `${root}idem/${key}`,
    voided: (operation) => `${root}void/${operation}`,
    written: `${root}written`,
    specs: below(`${env}spec/`),
    deployments: (id) => below(`${env}deployment/${id}/`),
    revisions: (id) => below(`${env}revision/${id}/`),
    allProgress: (id) => below(`${env}progress/${id}/`),
    actor: (id) => below(`${actor}${id}/`),
    historyOf: (id, instance) => below(`${root}history/${id}/${instance}/`),
    allHistory: (id) => below(`${root}history/${id}/`),
    readable: below(env),
    parse: (key) =>
      key.startsWith(env)
        ? parseReadable(key.slice(env.length))
        : key.startsWith(actor)
          ? parseActor(key.slice(actor.length))
          : null,
  };
}

/** All keys that begin with `prefix`, which ends in '/'; '0' is the character after it. */
const below = (prefix: string): KeyRange => ({ start: prefix, end: `${prefix.slice(0, -1)}0` });

/** The smallest key after `key`. */
export const keyAfter = (key: string): string => `${key}\0`;

function parseReadable(rest: string): ParsedKey | null {
  const [kind, id, part] = rest.split('/');
  if (id === undefined || id === '') return null;
  const environment = id as EnvironmentId;
  if (kind === 'spec' || kind === 'status') return part === undefined ? { kind, environment } : null;
  if (part === undefined || part === '') return null;
  if (kind === 'revision') return { kind, environment, revision: part as RevisionId };
  return kind === 'deployment' || kind === 'progress' ? { kind, environment, deployment: part as DeploymentId } : null;
}

function parseActor(rest: string): ParsedKey | null {
  // An instance ARN has slashes of its own, so only the first two of the key count.
  const afterId = rest.indexOf('/');
  const environment = rest.slice(0, afterId) as EnvironmentId;
  const inner = rest.slice(afterId + 1);
  if (afterId <= 0) return null;
  if (inner === 'fence') return { kind: 'fence', environment };
  if (inner.startsWith(SLOT)) return { kind: 'slot', environment, instance: inner.slice(SLOT.length) as InstanceArn };
  if (inner.startsWith(LAUNCH)) return { kind: 'launch', environment, launch: inner.slice(LAUNCH.length) as LaunchId };
  return null;
}

const SLOT = 'slot/';
const LAUNCH = 'launch/';
