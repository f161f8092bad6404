import type { Facts, Instance, Task } from '../domain/facts.ts';
import type { InstanceArn, TaskArn } from '../domain/ids.ts';
import type { Sighting } from './facts-store.ts';

/** The facts with what was sighted since; the same object when nothing of it is newer. A version is ECS's own, and grows with each change. */
export function withSightings(facts: Facts, sightings: readonly Sighting[]): Facts {
  const instances = newerInstances(facts, sightings);
  const tasks = newerTasks(facts, sightings);
  if (instances.size === 0 && tasks.size === 0) return facts;
  return {
    ...facts,
    instances: instances.size === 0 ? facts.instances : new Map([...facts.instances, ...instances]),
    tasks: tasks.size === 0 ? facts.tasks : new Map([...facts.tasks, ...mergedGroups(facts, tasks)]),
    unlisted: tasks.size === 0 ? facts.unlisted : new Set([...facts.unlisted, ...unlistedOf(facts, tasks)]),
  };
}

function newerInstances(facts: Facts, sightings: readonly Sighting[]): ReadonlyMap<InstanceArn, Instance> {
  const newer = new Map<InstanceArn, Instance>();
  for (const sighting of sightings) {
    if (sighting.kind !== 'instance') continue;
    const { instance } = sighting;
    const known = newer.get(instance.arn) ?? facts.instances.get(instance.arn);
    if (known === undefined || instance.version > known.version) newer.set(instance.arn, replacing(known, instance));
  }
  return newer;
}

/**
 * A sighting does not tell whose tasks are on a host, so the listing's count stays, unless a drain that just began asks for
 * a careful one. Without attributes or an agent version it does not tell these, as every host has both.
 */
function replacing(known: Instance | undefined, sighted: Instance): Instance {
  if (known === undefined) return sighted;
  const drainBegins = sighted.status === 'DRAINING' && known.status !== 'DRAINING';
  return {
    ...sighted,
    registeredAt: known.registeredAt ?? sighted.registeredAt,
    attributes: sighted.attributes.size === 0 ? known.attributes : sighted.attributes,
    agentVersion: sighted.agentVersion ?? known.agentVersion,
    foreignTasks: drainBegins ? sighted.foreignTasks : known.foreignTasks,
  };
}

type ByGroup = Map<string, Map<string, Task>>;

function newerTasks(facts: Facts, sightings: readonly Sighting[]): ByGroup {
  const latest = new Map<string, Task>();
  for (const sighting of sightings) {
    if (sighting.kind !== 'task') continue;
    const { task } = sighting;
    if (task.version > (latest.get(task.arn)?.version ?? -1)) latest.set(task.arn, task);
  }
  const byGroup: ByGroup = new Map();
  for (const task of latest.values()) {
    const group = byGroup.get(task.group);
    if (group === undefined) byGroup.set(task.group, new Map([[task.arn, task]]));
    else group.set(task.arn, task);
  }
  for (const [group, tasks] of byGroup) {
    for (const known of facts.tasks.get(group) ?? []) {
      const sighted = tasks.get(known.arn);
      if (sighted === undefined) continue;
      if (sighted.version <= known.version) tasks.delete(known.arn);
      else tasks.set(known.arn, merged(known, sighted));
    }
    if (tasks.size === 0) byGroup.delete(group);
  }
  return byGroup;
}

/** An event tells neither a moment of our clock nor, mostly, the health: what the listing told of them stays. */
const merged = (known: Task, sighted: Task): Task => ({
  ...sighted,
  createdAt: known.createdAt ?? sighted.createdAt,
  health: sighted.health === 'UNKNOWN' ? known.health : sighted.health,
});

const unlistedOf = (facts: Facts, newer: ByGroup): readonly TaskArn[] =>
  [...newer].flatMap(([group, tasks]) => {
    const known = new Set(facts.tasks.get(group)?.map(({ arn }) => arn));
    return [...tasks.values()].map(({ arn }) => arn).filter((arn) => !known.has(arn));
  });

const mergedGroups = (facts: Facts, newer: ByGroup): readonly [string, readonly Task[]][] =>
  [...newer].map(([group, tasks]) => {
    const kept = (facts.tasks.get(group) ?? []).filter(({ arn }) => !tasks.has(arn));
    return [group, [...kept, ...tasks.values()]];
  });
