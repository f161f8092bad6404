/** Which hosts go first. */
import type { Deployment, DeploymentProgress } from '../domain/environment.ts';
import type { Instance } from '../domain/facts.ts';
import type { Slot } from '../domain/launch.ts';
import { after, type Instant } from '../domain/ids.ts';
import { hostsOf, type Amount, type Wave } from '../domain/revision.ts';
import type { Draft } from './draft.ts';
import type { Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { emptySlot, isReady } from './slots.ts';

const MINUTE_MS = 60_000;
/**
 * Waves before the rest. Stored, one is 250 bytes as a rule and 1.1 kB at worst, and all of them are gone through for every host.
 * Nobody follows more; an attribute that every host has a value of its own of would make thousands.
 */
export const WAVES_MOST = 200;

/**
 * The waves as the hosts make them: one for each value of an attribute, and the rest. Values for which there is no room are
 * among the rest, which come last and so are the best tried. A rollback has no waves: it hurries.
 */
export function wavesOf(target: Deployment, sight: Sight, rollout: Rollout): readonly Wave[] {
  const configured = target.kind === 'rollback' ? [] : target.revision.configuration.waves;
  const waves: Wave[] = [];
  for (const { of, promote, bakeMinutes } of configured) {
    if (of.kind === 'canary') {
      waves.push({ name: `canary of ${of.hosts}`, of, promote, bakeMinutes });
      continue;
    }
    const values = new Set<string | null>();
    for (const instance of hostsInScope(sight, rollout)) {
      if (instance.attributes.has(of.name)) values.add(instance.attributes.get(of.name) ?? null);
    }
    const room = Math.max(0, WAVES_MOST - waves.length);
    for (const value of [...values].toSorted(byText).slice(0, room)) {
      waves.push({ name: `${of.name}=${value ?? ''}`, of: { ...of, value }, promote, bakeMinutes });
    }
  }
  const name = waves.length === 0 ? 'all' : 'the rest';
  return [...waves, { name, of: null, promote: 'auto', bakeMinutes: 0 }];
}

/** Canaries that leave are replaced, until as many were as there are to be: what they were given may be why they left. */
const REPLACEMENTS = 1;

/** The wave that was opened last is one. */
export const isCanary = (progress: DeploymentProgress): boolean => canaryOf(progress) !== null;

const canaryOf = ({ waves, open }: DeploymentProgress) => {
  const of = waves[open - 1]?.of;
  return of?.kind === 'canary' ? of : null;
};

export function mayTryOthers(progress: DeploymentProgress, inScope: number): boolean {
  const of = canaryOf(progress);
  return of !== null && progress.canaries < canaries(of.hosts, inScope) * (1 + REPLACEMENTS);
}

const canaries = (amount: Amount, inScope: number): number => Math.max(1, hostsOf(amount, inScope));

/** The wave that was opened last was done for as long as it was to be. */
export function isBaked({ waves, open, doneAt }: DeploymentProgress, now: Instant): boolean {
  const wave = waves[open - 1];
  return wave !== undefined && doneAt !== null && bakedAt(wave, doneAt) <= now;
}

export const bakedAt = ({ bakeMinutes }: Wave, doneAt: Instant): Instant => after(doneAt, bakeMinutes * MINUTE_MS);

/**
 * Marks hosts for the canary that was opened last, as far as there are too few: hosts of no open wave, those first of which it
 * learns most, then in order of ARN. Marked, because a host that joins must not change who is one. Those that left are none any
 * more, also when they return. Gives how many it marked.
 */
export function chooseCanaries(
  progress: DeploymentProgress,
  target: Deployment,
  rollout: Rollout,
  sight: Sight,
  draft: Draft,
): number {
  const of = canaryOf(progress);
  if (of === null) return 0;
  const wave = progress.open - 1;
  const hosts = hostsInScope(sight, rollout);
  const there = new Set(hosts.map(({ arn }) => arn));
  // Some may be of a turn that broke off before it could write that the wave is open.
  let marked = 0;
  for (const slot of draft.slots.values()) {
    if (slot.canary?.deployment !== target.id || slot.canary.wave !== wave) continue;
    if (there.has(slot.instance)) marked += 1;
    else draft.slots.set(slot.instance, { ...slot, canary: null });
  }
  const free = hosts.filter((instance) => {
    const at = rollout.waveOf(instance, draft.slots.get(instance.arn));
    return instance.ec2InstanceId !== null && (at === -1 || at > wave);
  });
  const worth = ({ arn }: Instance): number => lessons(draft.slots.get(arn), rollout);
  const worthFirst = free.toSorted((a, b) => worth(b) - worth(a) || (a.arn < b.arn ? -1 : 1));
  const chosen = worthFirst.slice(0, Math.max(0, canaries(of.hosts, hosts.length) - marked));
  for (const { arn, ec2InstanceId } of chosen) {
    const slot = draft.slots.get(arn) ?? emptySlot({ instance: arn, ec2InstanceId }, draft.now);
    draft.slots.set(arn, { ...slot, canary: { deployment: target.id, wave } });
  }
  return chosen.length;
}

/** How much a host tells of the new version: most where a task that is well gives way to it, nothing where none is tried. */
function lessons(slot: Slot | undefined, rollout: Rollout): number {
  if (slot?.task != null && rollout.isCurrent(slot.task)) return 0;
  if (slot?.tries.exempt === true) return 1;
  return isReady(slot) ? 3 : 2;
}

const hostsInScope = (sight: Sight, rollout: Rollout): readonly Instance[] =>
  sight.hosts.filter((instance) => rollout.inScope(instance));

const byText = (a: string | null, b: string | null): number => ((a ?? '') < (b ?? '') ? -1 : 1);
