/**
 * Sightings as text. A host has some 2 kB of attributes, and every task that starts there changes the host: so they are
 * left out while they are what is known already, which a reader knows too. What the writer knew is in the stream before,
 * or in a generation since.
 */
import { AttributePool, sameAttributes } from '../domain/attributes.ts';
import type { Facts, Instance, Task } from '../domain/facts.ts';
import type { InstanceArn } from '../domain/ids.ts';
import type { Pairs } from './attribute-sets.ts';
import type { Sighting } from './facts-store.ts';

type WrittenInstance = Omit<Instance, 'attributes'> & { readonly attributes: Pairs | 'as known' };
type Written =
  | { readonly kind: 'instance'; readonly instance: WrittenInstance }
  | { readonly kind: 'task'; readonly task: Task };

/** `facts`: what the writer knows; null: nothing. */
export function sightingText(sighting: Sighting, facts: Facts | null): string {
  return JSON.stringify(sighting.kind === 'task' ? sighting : { kind: 'instance', instance: written(sighting, facts) });
}

function written({ instance }: Sighting & { kind: 'instance' }, facts: Facts | null): WrittenInstance {
  const known = facts?.instances.get(instance.arn)?.attributes;
  const attributes = known !== undefined && sameAttributes(known, instance.attributes);
  return { ...instance, attributes: attributes ? 'as known' : [...instance.attributes] };
}

type Seen = Pick<Instance, 'version' | 'attributes'>;

/** Reads them one after the other, in their order. */
export class SightingReader {
  private readonly pool = new AttributePool();
  /** The latest of each host, by version, whose attributes were told. */
  private readonly sighted = new Map<InstanceArn, Seen>();
  private readonly facts: Facts;

  /** `facts`: what they add to. */
  constructor(facts: Facts) {
    this.facts = facts;
  }

  /** null: it refers to what is not known here. Throws on what no `sightingText` made. */
  read(text: string): Sighting | null {
    const sighting = JSON.parse(text) as Written;
    if (sighting.kind === 'task') return sighting;
    const { instance } = sighting;
    const known = this.known(instance.arn);
    if (instance.attributes === 'as known') {
      if (known === undefined) return null;
      return { kind: 'instance', instance: { ...instance, attributes: known.attributes } };
    }
    const told = new Map(instance.attributes);
    const attributes =
      known !== undefined && sameAttributes(known.attributes, told) ? known.attributes : this.pool.of(told);
    if (told.size > 0 && instance.version > (known?.version ?? -1))
      this.sighted.set(instance.arn, { version: instance.version, attributes });
    return { kind: 'instance', instance: { ...instance, attributes } };
  }

  private known(arn: InstanceArn): Seen | undefined {
    const sighted = this.sighted.get(arn);
    const listed = this.facts.instances.get(arn);
    return listed === undefined || (sighted !== undefined && sighted.version > listed.version) ? sighted : listed;
  }
}
