/** What ECS tells of a host in names and values: its zone, its machine, what its agent can do, and what people say of it. */
import { READY_ATTRIBUTE, type Attributes, type Instance } from './facts.ts';

/** ECS sets this attribute on hosts outside EC2 (ECS Anywhere). */
const EXTERNAL_ATTRIBUTE = 'ecs.capability.external';
/** Ids of hosts that registered through Systems Manager. */
const EXTERNAL_ID = 'mi-';

interface Given {
  readonly name?: string | undefined;
  readonly value?: string | null | undefined;
}

/** A value that is empty is none: ECS takes values of 1 to 128 characters (ECS API reference, Attribute). */
export const attributesOf = (given: readonly Given[]): Attributes =>
  new Map(given.map(({ name = '', value }) => [name, value === undefined || value === '' ? null : value]));

export const launchTypeOf = (ec2InstanceId: string | null, attributes: Attributes): Instance['launchType'] =>
  ec2InstanceId?.startsWith(EXTERNAL_ID) === true || attributes.has(EXTERNAL_ATTRIBUTE) ? 'EXTERNAL' : 'EC2';

/** Whether both have the same names with the same values, `except` that name. */
export function sameAttributes(a: Attributes, b: Attributes, except?: string): boolean {
  if (a === b) return true;
  const counted = (all: Attributes): number => all.size - (except !== undefined && all.has(except) ? 1 : 0);
  if (counted(a) !== counted(b)) return false;
  for (const [name, value] of a) if (name !== except && b.get(name) !== value) return false;
  return true;
}

/**
 * Whether a host answers queries differently now. Our own mark on it is no difference: no query may name it. A view
 * without any attribute, or without an agent version, does not tell them, as every host has both.
 */
export const isDescribedAnew = (before: Instance, now: Instance): boolean =>
  (now.agentVersion !== null && now.agentVersion !== before.agentVersion) ||
  (now.attributes.size > 0 && !sameAttributes(before.attributes, now.attributes, READY_ATTRIBUTE));

/** Makes one object of equal ones: of the thousands of hosts of a cluster most have the same attributes. */
export class AttributePool {
  private readonly byContent = new Map<string, Attributes>();

  of(attributes: Attributes): Attributes {
    const content = JSON.stringify([...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const known = this.byContent.get(content);
    if (known !== undefined) return known;
    this.byContent.set(content, attributes);
    return attributes;
  }
}
