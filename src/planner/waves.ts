/** Which hosts go first. */
import type { Deployment, DeploymentProgress } from '../domain/environment.ts';
import type { Instance } from '../domain/facts.ts';
import type { Instant } from '../domain/ids.ts';
import { hostsOf, type Wave } from '../domain/revision.ts';
import type { Draft } from './draft.ts';
import type { Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { emptySlot, isReady } from './slots.ts';

/** The waves as the hosts make them: one for each value of an attribute, and the rest. A rollback has no waves: it hurries. */
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
    for (const value of [...values].toSorted(byText)) {
      waves.push({ name: `${of.name}=${value ?? ''}`, of: { ...of, value }, promote, bakeMinutes });
    }
  }
  const name = waves.length === 0 ? 'all' : 'the rest';
  return [...waves, { name, of: null, promote: 'auto', bakeMinutes: 0 }];
}

/**
 * Marks the hosts of the wave that was opened last, if it is a canary: hosts of no open wave that are well, in order of ARN, so
 * that it is the new version that is tried and not the host. Marked, because a host that joins must not change who is one.
 * True when it marked any.
 */
export function chooseCanaries(
  progress: DeploymentProgress,
  target: Deployment,
  rollout: Rollout,
  sight: Sight,
  draft: Draft,
  now: Instant,
): boolean {
  const wave = progress.open - 1;
  const of = progress.waves[wave]?.of;
  if (of?.kind !== 'canary') return false;
  const hosts = hostsInScope(sight, rollout);
  const free = hosts.filter((instance) => {
    const at = rollout.waveOf(instance, draft.slots.get(instance.arn));
    return at === -1 || at > wave;
  });
  // Marks of a turn that broke off before it could write that the wave is open. Those that left tell nothing any more.
  let marked = 0;
  for (const { arn } of hosts) {
    const canary = draft.slots.get(arn)?.canary;
    if (canary?.deployment === target.id && canary.wave === wave) marked += 1;
  }
  const missing = Math.max(1, hostsOf(of.hosts, hosts.length)) - marked;
  const wellFirst = free.toSorted(
    (a, b) =>
      Number(isReady(draft.slots.get(b.arn))) - Number(isReady(draft.slots.get(a.arn))) || (a.arn < b.arn ? -1 : 1),
  );
  const chosen = wellFirst.slice(0, Math.max(0, missing));
  for (const { arn, ec2InstanceId } of chosen) {
    const slot = draft.slots.get(arn) ?? emptySlot({ instance: arn, ec2InstanceId }, now);
    draft.slots.set(arn, { ...slot, canary: { deployment: target.id, wave } });
  }
  return chosen.length > 0;
}

const hostsInScope = (sight: Sight, rollout: Rollout): readonly Instance[] =>
  sight.hosts.filter((instance) => rollout.inScope(instance));

const byText = (a: string | null, b: string | null): number => ((a ?? '') < (b ?? '') ? -1 : 1);
