import { z } from 'zod';

import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import { arnPrefix, seconds } from './lookup.ts';
import { numbered, takePage } from './paging.ts';
import { parseQuery } from './query-parser.ts';
import { amountField, cpuField, memoryField, operation, pageFields, tagsField } from './validation.ts';
import type { Attribute, TaskDefinition } from './records.ts';
import type { World } from './world.ts';

const FAMILY = /^[a-zA-Z0-9_-]{1,255}$/;
const CONSTRAINTS_MAX = 10;

const containerSchema = z.looseObject({
  name: z.string().regex(FAMILY, 'Container.name contains invalid characters.'),
  image: z.string({ error: 'Container.image should not be null or empty.' }).min(1),
  cpu: amountField,
  memory: amountField,
  memoryReservation: amountField,
  essential: z.boolean().optional(),
  environment: z.array(z.object({ name: z.string().optional(), value: z.string().optional() })).optional(),
  portMappings: z
    .array(
      z.looseObject({
        containerPort: z.int().min(0).max(65_535).optional(),
        hostPort: z.int().min(0).max(65_535).optional(),
        protocol: z.enum(['tcp', 'udp']).optional(),
      }),
    )
    .optional(),
  resourceRequirements: z.array(z.looseObject({ type: z.string(), value: z.string() })).optional(),
  healthCheck: z.looseObject({ command: z.array(z.string()) }).optional(),
  logConfiguration: z.looseObject({ logDriver: z.string() }).optional(),
});

const definitionSchema = z.looseObject({
  family: z.string().regex(FAMILY, 'Family contains invalid characters.'),
  containerDefinitions: z.array(containerSchema).min(1, 'Container list cannot be empty.'),
  networkMode: z.enum(['bridge', 'host', 'awsvpc', 'none']).optional(),
  cpu: cpuField,
  memory: memoryField,
  taskRoleArn: z.string().optional(),
  runtimePlatform: z
    .object({ cpuArchitecture: z.string().optional(), operatingSystemFamily: z.string().optional() })
    .optional(),
  placementConstraints: z
    .array(z.object({ type: z.string(), expression: z.string().optional() }))
    .max(CONSTRAINTS_MAX)
    .default([]),
  tags: tagsField.default([]),
});

export const registerTaskDefinition = operation(definitionSchema, (world, input) => {
  const { tags, ...source } = input;
  for (const container of input.containerDefinitions) {
    if (input.memory === undefined && container.memory === undefined && container.memoryReservation === undefined) {
      return ecsError(
        'ClientException',
        `Invalid setting for container '${container.name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
      );
    }
  }
  const memberOf: string[] = [];
  for (const { type, expression } of input.placementConstraints) {
    if (type !== 'memberOf') return invalid(`Placement constraint type ${type} is not valid for task definitions.`);
    const parsed = parseQuery(expression ?? '');
    if (!parsed.ok) return invalid(`Invalid placement constraint expression: ${parsed.problem}.`);
    memberOf.push(expression ?? '');
  }
  const revisions = world.families.get(input.family) ?? [];
  world.families.set(input.family, revisions);
  const revision = revisions.length + 1;
  const definition: TaskDefinition = {
    arn: `${arnPrefix(world)}:task-definition/${input.family}:${revision}`,
    family: input.family,
    revision,
    registeredAt: world.now,
    networkMode: input.networkMode,
    cpu: input.cpu,
    memory: input.memory,
    containers: input.containerDefinitions,
    memberOf,
    requiredAttributes: requiredAttributes(input),
    source,
    status: 'ACTIVE',
    deregisteredAt: undefined,
    tags,
  };
  revisions.push(definition);
  return { taskDefinition: definitionView(definition), tags };
});

export const deregisterTaskDefinition = operation(z.object({ taskDefinition: z.string() }), (world, input) => {
  if (!/:\d+$/.test(input.taskDefinition)) return invalid('The specified task definition must include a revision.');
  const definition = findTaskDefinition(world, input.taskDefinition);
  if (definition === undefined) return ecsError('ClientException', 'The specified task definition does not exist.');
  definition.status = 'INACTIVE';
  definition.deregisteredAt ??= world.now;
  return { taskDefinition: definitionView(definition) };
});

export const describeTaskDefinition = operation(
  z.object({ taskDefinition: z.string(), include: z.array(z.string()).default([]) }),
  (world, input) => {
    const definition = findTaskDefinition(world, input.taskDefinition);
    if (definition === undefined) return ecsError('ClientException', 'Unable to describe task definition.');
    const tags = input.include.includes('TAGS') ? definition.tags : [];
    return { taskDefinition: definitionView(definition), tags };
  },
);

export const listTaskDefinitions = operation(
  z.object({
    familyPrefix: z.string().optional(),
    status: z.enum(['ACTIVE', 'INACTIVE', 'DELETE_IN_PROGRESS']).default('ACTIVE'),
    sort: z.enum(['ASC', 'DESC']).default('ASC'),
    ...pageFields,
  }),
  (world, { maxResults, nextToken, ...filters }) => {
    const families = filters.familyPrefix === undefined ? [...world.families.keys()] : [filters.familyPrefix];
    const arns = families
      .toSorted()
      .flatMap((family) => world.families.get(family) ?? [])
      .filter((definition) => definition.status === filters.status)
      .map((definition) => definition.arn);
    if (filters.sort === 'DESC') arns.reverse();
    const page = takePage({ items: numbered(arns), filters, maxResults, nextToken });
    return isError(page) ? page : { taskDefinitionArns: page.items, nextToken: page.nextToken };
  },
);

export const listTaskDefinitionFamilies = operation(
  z.object({
    familyPrefix: z.string().default(''),
    status: z.enum(['ACTIVE', 'INACTIVE', 'ALL']).default('ALL'),
    ...pageFields,
  }),
  (world, { maxResults, nextToken, ...filters }) => {
    const families = [...world.families]
      .filter(([family]) => family.startsWith(filters.familyPrefix))
      .filter(([, revisions]) => {
        const status = revisions.some((each) => each.status === 'ACTIVE') ? 'ACTIVE' : 'INACTIVE';
        return filters.status === 'ALL' || filters.status === status;
      })
      .map(([family]) => family)
      .toSorted();
    const page = takePage({ items: numbered(families), filters, maxResults, nextToken });
    return isError(page) ? page : { families: page.items, nextToken: page.nextToken };
  },
);

/** `family` (its latest active revision), `family:revision` or an ARN. */
export function findTaskDefinition(world: World, reference: string): TaskDefinition | undefined {
  const prefix = `${arnPrefix(world)}:task-definition/`;
  const name = reference.startsWith(prefix) ? reference.slice(prefix.length) : reference;
  const [family = '', revision, ...rest] = name.split(':');
  const revisions = world.families.get(family);
  if (revisions === undefined || rest.length > 0) return undefined;
  if (revision === undefined) return revisions.findLast((definition) => definition.status === 'ACTIVE');
  return /^\d+$/.test(revision) ? revisions[Number(revision) - 1] : undefined;
}

/** For a launch: it must exist and be active. */
export function findActiveTaskDefinition(world: World, reference: string): TaskDefinition | EcsError {
  const definition = findTaskDefinition(world, reference);
  if (definition === undefined) return ecsError('ClientException', 'TaskDefinition not found.');
  if (definition.status !== 'ACTIVE') return ecsError('ClientException', 'TaskDefinition is inactive');
  return definition;
}

/** What a host must be capable of, as far as the model knows it. */
function requiredAttributes(input: z.output<typeof definitionSchema>): readonly Attribute[] {
  const names = new Set(['com.amazonaws.ecs.capability.docker-remote-api.1.18']);
  if (input.taskRoleArn !== undefined) names.add('com.amazonaws.ecs.capability.task-iam-role');
  if (input.networkMode === 'awsvpc') names.add('ecs.capability.task-eni');
  for (const { logConfiguration } of input.containerDefinitions) {
    if (logConfiguration !== undefined) {
      names.add(`com.amazonaws.ecs.capability.logging-driver.${logConfiguration.logDriver}`);
    }
  }
  const attributes: Attribute[] = [...names].map((name) => ({ name }));
  const architecture = input.runtimePlatform?.cpuArchitecture;
  if (architecture !== undefined) attributes.push({ name: 'ecs.cpu-architecture', value: architecture.toLowerCase() });
  return attributes;
}

function definitionView(definition: TaskDefinition): object {
  return {
    ...definition.source,
    taskDefinitionArn: definition.arn,
    revision: definition.revision,
    status: definition.status,
    volumes: Reflect.get(definition.source, 'volumes') ?? [],
    compatibilities: definition.networkMode === 'awsvpc' ? ['EC2'] : ['EXTERNAL', 'EC2'],
    requiresAttributes: definition.requiredAttributes,
    registeredAt: seconds(definition.registeredAt),
    deregisteredAt: seconds(definition.deregisteredAt),
  };
}
