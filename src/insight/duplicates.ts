/**
 * Which hosts have two tasks at once. A listing from before a replacement shows the replaced task as RUNNING, next to the new one
 * that an event told of: so tasks on no record count only where the planner, too, would take them for strangers.
 */
import type { InstanceArn } from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { World } from '../domain/world.ts';
import type { Sight } from '../planner/observation.ts';

/** Hosts whose next task may be there already, and on no record yet. */
export const openLaunches = ({ launches }: World): ReadonlySet<InstanceArn> =>
  new Set([...launches.values()].flatMap(({ value }) => value.members.map(({ instance }) => instance)));

/** More than one live task of the environment is on the host, and nobody is stopping them. `slot` as the plan leaves it. */
export function isDoubled(
  host: InstanceArn,
  slot: Slot | undefined,
  openOn: ReadonlySet<InstanceArn>,
  world: World,
  sight: Sight,
): boolean {
  const knowsOthers = !openOn.has(host) && sight.listedSince(world.slots.get(host)?.modified ?? world.spec.created);
  const live = sight.liveOn(host).filter(({ arn, desiredStatus }) => {
    if (desiredStatus === 'STOPPED') return false;
    return arn === slot?.task?.arn ? slot.stop === null : knowsOthers && sight.listed(arn);
  });
  return live.length > 1;
}
