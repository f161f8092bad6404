/** Entries of etcd read into what they mean. Whatever cannot be read, or stands under another's key, comes out as `unreadable`. */
import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from '../domain/environment.ts';
import type { DeploymentId, EnvironmentId, InstanceArn, LaunchId, RevisionId } from '../domain/ids.ts';
import type { Launch, Slot } from '../domain/launch.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import {
  deploymentCodec,
  fenceCodec,
  launchCodec,
  progressCodec,
  revisionCodec,
  slotCodec,
  specCodec,
  statusCodec,
  type Codec,
} from './codec.ts';
import type { Entry } from './etcd-requests.ts';
import type { Keys, ParsedKey } from './keys.ts';
import type { Stored, World } from '../domain/world.ts';

export type Item =
  | { readonly kind: 'spec'; readonly environment: EnvironmentId; readonly spec: Stored<EnvironmentSpec> }
  | { readonly kind: 'deployment'; readonly environment: EnvironmentId; readonly deployment: Stored<Deployment> }
  | { readonly kind: 'revision'; readonly environment: EnvironmentId; readonly revision: Stored<EnvironmentRevision> }
  | { readonly kind: 'progress'; readonly environment: EnvironmentId; readonly progress: DeploymentProgress }
  | { readonly kind: 'status'; readonly environment: EnvironmentId; readonly status: EnvironmentStatus }
  | { readonly kind: 'fence' }
  | { readonly kind: 'launch'; readonly launch: Stored<Launch> }
  | { readonly kind: 'slot'; readonly slot: Stored<Slot> }
  | UnreadableItem;

export interface UnreadableItem {
  readonly kind: 'unreadable';
  readonly key: string;
  /** For people. */
  readonly fault: string;
}

export function itemOf(keys: Keys, entry: Entry): Item {
  const key = keys.parse(entry.key);
  if (key === null) return { kind: 'unreadable', key: entry.key, fault: 'not a key of ours' };
  const item = itemUnder(key, entry);
  return typeof item === 'string' ? { kind: 'unreadable', key: entry.key, fault: item } : item;
}

/** The item, or why it cannot be read. */
function itemUnder(key: ParsedKey, entry: Entry): Item | string {
  switch (key.kind) {
    case 'spec': {
      const spec = readStored(specCodec, entry);
      if (typeof spec === 'string') return spec;
      if (spec.value.id !== key.environment) return MISPLACED;
      return { kind: 'spec', environment: key.environment, spec };
    }
    case 'deployment': {
      const deployment = readStored(deploymentCodec, entry);
      if (typeof deployment === 'string') return deployment;
      if (deployment.value.id !== key.deployment) return MISPLACED;
      return { kind: 'deployment', environment: key.environment, deployment };
    }
    case 'revision': {
      const revision = readStored(revisionCodec, entry);
      if (typeof revision === 'string') return revision;
      if (revision.value.id !== key.revision) return MISPLACED;
      return { kind: 'revision', environment: key.environment, revision };
    }
    case 'progress': {
      const progress = readStored(progressCodec, entry);
      if (typeof progress === 'string') return progress;
      if (progress.value.id !== key.deployment) return MISPLACED;
      return { kind: 'progress', environment: key.environment, progress: progress.value };
    }
    case 'status': {
      const status = readStored(statusCodec, entry);
      return typeof status === 'string'
        ? status
        : { kind: 'status', environment: key.environment, status: status.value };
    }
    case 'fence': {
      const fence = readStored(fenceCodec, entry);
      return typeof fence === 'string' ? fence : { kind: 'fence' };
    }
    case 'launch': {
      const launch = readStored(launchCodec, entry);
      if (typeof launch === 'string') return launch;
      return launch.value.id === key.launch ? { kind: 'launch', launch } : MISPLACED;
    }
    case 'slot': {
      const slot = readStored(slotCodec, entry);
      if (typeof slot === 'string') return slot;
      return slot.value.instance === key.instance ? { kind: 'slot', slot } : MISPLACED;
    }
  }
}

const MISPLACED = 'the value is of something else than its key';

function readStored<T>(codec: Codec<T>, { text, created, modified }: Entry): Stored<T> | string {
  const read = codec.decode(text);
  return read.ok ? { value: read.value, created, modified } : read.fault;
}

/** A world out of its entries, page by page: `unreadable` when one of them is, null when there is no spec among them. */
export async function worldOf(
  keys: Keys,
  pages: AsyncIterable<readonly Entry[]>,
): Promise<World | UnreadableItem | null> {
  let spec: Stored<EnvironmentSpec> | null = null;
  let status: EnvironmentStatus | null = null;
  const revisions = new Map<RevisionId, Stored<EnvironmentRevision>>();
  const deployments = new Map<DeploymentId, Stored<Deployment>>();
  const progress = new Map<DeploymentId, DeploymentProgress>();
  const slots = new Map<InstanceArn, Stored<Slot>>();
  const launches = new Map<LaunchId, Stored<Launch>>();

  for await (const page of pages) {
    for (const entry of page) {
      const item = itemOf(keys, entry);
      switch (item.kind) {
        case 'spec':
          ({ spec } = item);
          break;
        case 'deployment':
          deployments.set(item.deployment.value.id, item.deployment);
          break;
        case 'revision':
          revisions.set(item.revision.value.id, item.revision);
          break;
        case 'progress':
          progress.set(item.progress.id, item.progress);
          break;
        case 'status':
          ({ status } = item);
          break;
        case 'fence':
          break;
        case 'launch':
          launches.set(item.launch.value.id, item.launch);
          break;
        case 'slot':
          slots.set(item.slot.value.instance, item.slot);
          break;
        case 'unreadable':
          return item;
      }
    }
  }
  return spec === null ? null : { spec, revisions, deployments, progress, status, slots, launches };
}
