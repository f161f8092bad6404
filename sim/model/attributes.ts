import { z } from 'zod';

import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import { findCluster, findHost } from './lookup.ts';
import { hostChanged } from './outbox.ts';
import { numbered, takePage } from './paging.ts';
import { clusterField, operation, pageFields } from './validation.ts';
import type { Cluster, Host } from './records.ts';

/** Limits of the API reference. */
const ATTRIBUTES_PER_CALL_MAX = 10;
const CUSTOM_ATTRIBUTES_PER_HOST_MAX = 10;
const CHARS_MAX = 128;

/** ECS and its agent own these; they do not count as custom ones. */
const OWN_ATTRIBUTE = /^(ecs|com\.amazonaws)\./;

const attributesField = z
  .array(
    z.object({
      name: z
        .string()
        .min(1)
        .max(CHARS_MAX)
        .regex(/^[a-zA-Z0-9._/\\-]+$/, 'Attribute name contains invalid characters.'),
      value: z.string().max(CHARS_MAX).optional(),
      targetType: z.enum(['container-instance']).default('container-instance'),
      targetId: z.string({ error: 'Target ID cannot be null.' }),
    }),
  )
  .min(1, 'Attributes cannot be empty.')
  .max(ATTRIBUTES_PER_CALL_MAX, `Attributes cannot have more than ${ATTRIBUTES_PER_CALL_MAX} elements.`);

type GivenAttribute = z.output<typeof attributesField>[number];

export const putAttributes = operation(
  z.object({ cluster: clusterField, attributes: attributesField }),
  (world, input) => {
    const targets = findTargets(findCluster(world, input.cluster), input.attributes);
    if (isError(targets)) return targets;
    for (const host of new Set(targets.map((target) => target.host))) {
      const added = targets.filter((target) => target.host === host).map((target) => target.attribute.name);
      const custom = new Set([...host.attributes.keys(), ...added].filter((name) => !OWN_ATTRIBUTE.test(name)));
      if (custom.size > CUSTOM_ATTRIBUTES_PER_HOST_MAX) {
        return ecsError('AttributeLimitExceededException', 'The container instance has too many custom attributes.');
      }
    }
    for (const { host, attribute } of targets) {
      host.attributes.set(attribute.name, attribute.value ?? null);
      hostChanged(world, host);
    }
    return { attributes: targets.map(attributeView) };
  },
);

export const deleteAttributes = operation(
  z.object({ cluster: clusterField, attributes: attributesField }),
  (world, input) => {
    const targets = findTargets(findCluster(world, input.cluster), input.attributes);
    if (isError(targets)) return targets;
    const deleted = targets.filter(
      ({ host, attribute }) =>
        host.attributes.has(attribute.name) &&
        (attribute.value === undefined || host.attributes.get(attribute.name) === attribute.value),
    );
    for (const { host, attribute } of deleted) {
      host.attributes.delete(attribute.name);
      hostChanged(world, host);
    }
    return { attributes: deleted.map(attributeView) };
  },
);

export const listAttributes = operation(
  z.object({
    cluster: clusterField,
    targetType: z.enum(['container-instance'], { error: 'Target type should be container-instance.' }),
    attributeName: z.string().optional(),
    attributeValue: z.string().optional(),
    ...pageFields,
  }),
  (world, { maxResults, nextToken, ...filters }) => {
    const cluster = findCluster(world, filters.cluster);
    if (isError(cluster)) return cluster;
    if (filters.attributeValue !== undefined && filters.attributeName === undefined) {
      return invalid('An attribute value needs an attribute name.');
    }
    const items = [...cluster.hosts.values()]
      .filter((host) => host.status !== 'INACTIVE')
      .flatMap((host) => [...host.attributes].map(([name, value]) => ({ host, attribute: { name, value } })))
      .filter(
        ({ attribute }) =>
          (filters.attributeName === undefined || attribute.name === filters.attributeName) &&
          (filters.attributeValue === undefined || attribute.value === filters.attributeValue),
      );
    const page = takePage({ items: numbered(items), filters, maxResults, nextToken });
    return isError(page) ? page : { attributes: page.items.map(attributeView), nextToken: page.nextToken };
  },
);

interface Target {
  readonly host: Host;
  readonly attribute: GivenAttribute;
}

function findTargets(cluster: Cluster | EcsError, given: readonly GivenAttribute[]): readonly Target[] | EcsError {
  if (isError(cluster)) return cluster;
  const targets: Target[] = [];
  for (const attribute of given) {
    const host = findHost(cluster, attribute.targetId);
    if (host === undefined || host.status === 'INACTIVE') {
      return ecsError('TargetNotFoundException', `The specified target was not found: ${attribute.targetId}.`);
    }
    targets.push({ host, attribute });
  }
  return targets;
}

function attributeView(target: {
  readonly host: Host;
  readonly attribute: { readonly name: string; readonly value?: string | null | undefined };
}): object {
  const { name, value } = target.attribute;
  return { name, value: value ?? undefined, targetType: 'container-instance', targetId: target.host.arn };
}
