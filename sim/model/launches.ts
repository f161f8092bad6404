import { z } from 'zod';

import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import { hasRegisteredHost } from './clusters.ts';
import { isExternal } from './hosts.ts';
import { arnOf, findCluster, findHost } from './lookup.ts';
import { incapacity, place } from './placement.ts';
import { parseQuery, type Query } from './query-parser.ts';
import { needsOf } from './resources.ts';
import { createTask, overridesSchema, type LaunchTerms } from './task-creation.ts';
import { findActiveTaskDefinition } from './task-definitions.ts';
import { stoppedTaskView, taskView } from './task-views.ts';
import { boundToken } from './tokens.ts';
import { canonicalJson, clusterField, operation, tagsField } from './validation.ts';
import type { Failure, Host, Task, TaskDefinition, TokenEntry } from './records.ts';

/** Limits of the API reference. */
const COUNT_MAX = 10;
const START_TASK_HOSTS_MAX = 10;
const TOKEN_CHARS_MAX = 64;
const GROUP_CHARS_MAX = 255;
const RUN_TASK_STARTED_BY_CHARS_MAX = 128;
const START_TASK_STARTED_BY_CHARS_MAX = 36;
const CONSTRAINTS_MAX = 10;
const EXPRESSION_CHARS_MAX = 2_000;

const startedByField = (charsMax: number) =>
  z
    .string()
    .max(charsMax, `startedBy cannot be longer than ${charsMax} characters.`)
    .regex(/^[a-zA-Z0-9_/-]*$/, 'startedBy contains invalid characters.')
    .optional();

const launchFields = {
  cluster: clusterField,
  taskDefinition: z.string({ error: 'Task definition cannot be null.' }).min(1, 'Task definition cannot be empty.'),
  group: z
    .string()
    .min(1)
    .max(GROUP_CHARS_MAX, `group cannot be longer than ${GROUP_CHARS_MAX} characters.`)
    .optional(),
  overrides: overridesSchema.default({}),
  networkConfiguration: z.looseObject({}).optional(),
  tags: tagsField.default([]),
};

export const runTask = operation(
  z.object({
    ...launchFields,
    clientToken: z
      .string()
      .min(1)
      .max(TOKEN_CHARS_MAX, `clientToken cannot be longer than ${TOKEN_CHARS_MAX} characters.`)
      .regex(/^[\x21-\x7e]*$/, 'clientToken contains invalid characters.')
      .optional(),
    count: z
      .int()
      .min(1, `Count should be within [1,${COUNT_MAX}].`)
      .max(COUNT_MAX, `Count should be within [1,${COUNT_MAX}].`)
      .default(1),
    startedBy: startedByField(RUN_TASK_STARTED_BY_CHARS_MAX),
    launchType: z.enum(['EC2', 'EXTERNAL', 'FARGATE', 'MANAGED_INSTANCES']).optional(),
    capacityProviderStrategy: z.array(z.looseObject({ capacityProvider: z.string() })).optional(),
    placementConstraints: z
      .array(z.object({ type: z.enum(['memberOf', 'distinctInstance']), expression: z.string().optional() }))
      .max(CONSTRAINTS_MAX)
      .default([]),
    placementStrategy: z.array(z.looseObject({})).default([]),
  }),
  (world, input) => {
    const { cluster: clusterReference, clientToken, ...rest } = input;
    const cluster = findCluster(world, clusterReference);
    if (isError(cluster)) return cluster;

    const canonical = canonicalJson(rest);
    const bound = clientToken === undefined ? undefined : boundToken(cluster, clientToken, world);
    if (bound !== undefined && bound.canonical !== canonical) {
      world.ledger.tokenConflicted();
      return conflict(bound);
    }
    if (bound !== undefined) {
      world.ledger.tokenReplayed();
      return replayOf(bound);
    }

    const launchType = launchTypeOf(input);
    if (typeof launchType !== 'string') return launchType;
    const definition = findActiveTaskDefinition(world, input.taskDefinition);
    if (isError(definition)) return definition;
    const network = networkProblem(definition, launchType, input.networkConfiguration !== undefined);
    if (network !== null) return network;
    const constraints = readConstraints(definition, input.placementConstraints);
    if (isError(constraints)) return constraints;
    if (!hasRegisteredHost(cluster)) {
      return invalid('No Container Instances were found in your cluster.');
    }

    const terms = termsOf(definition, input);
    const placed = place(
      world,
      { cluster, definition, needs: terms.needs, group: terms.group, launchType, ...constraints },
      input.count,
      (host) => createTask(world, host, terms),
    );
    if (clientToken !== undefined) cluster.tokens.set(clientToken, { canonical, boundAt: world.now, ...placed });
    return { tasks: placed.tasks.map((task) => taskView(task, true)), failures: placed.failures };
  },
);

export const startTask = operation(
  z.object({
    ...launchFields,
    containerInstances: z
      .array(z.string(), { error: 'Container instances cannot be empty.' })
      .min(1, 'Container instances cannot be empty.')
      .max(START_TASK_HOSTS_MAX, `Container instances cannot have more than ${START_TASK_HOSTS_MAX} elements.`),
    startedBy: startedByField(START_TASK_STARTED_BY_CHARS_MAX),
  }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return cluster;
    const definition = findActiveTaskDefinition(world, input.taskDefinition);
    if (isError(definition)) return definition;
    const network = networkProblem(definition, 'EC2', input.networkConfiguration !== undefined);
    if (network !== null) return network;

    const terms = termsOf(definition, input);
    const tasks: Task[] = [];
    const failures: Failure[] = [];
    for (const reference of input.containerInstances) {
      const host = findHost(cluster, reference);
      const reason = startRefusal(host, terms, world.options.startTaskOnDraining);
      if (host !== undefined && reason === null) tasks.push(createTask(world, host, terms));
      else failures.push({ arn: arnOf(cluster, 'container-instance', reference), reason: reason ?? 'MISSING' });
    }
    return { tasks: tasks.map((task) => taskView(task, true)), failures };
  },
);

function startRefusal(host: Host | undefined, terms: LaunchTerms, onDraining: 'accept' | 'refuse'): string | null {
  if (host === undefined) return 'MISSING';
  if (host.status === 'INACTIVE') return 'INACTIVE';
  if (host.status === 'DRAINING' && onDraining === 'refuse') return 'DRAINING';
  if (isExternal(host) && terms.definition.networkMode === 'awsvpc') return 'ATTRIBUTE';
  return incapacity(host, terms.definition, terms.needs);
}

function conflict(bound: TokenEntry): EcsError {
  return {
    ...ecsError('ConflictException', 'The clientToken was used before with other parameters.'),
    resourceIds: bound.tasks.map((task) => task.arn),
  };
}

function replayOf(bound: TokenEntry): object {
  return {
    tasks: bound.tasks.map((task) => (task.lastStatus === 'STOPPED' ? stoppedTaskView(task) : taskView(task, true))),
    failures: bound.failures,
  };
}

/** Without both, ECS takes the default strategy of the cluster. Our clusters have none, which means EC2. */
function launchTypeOf(input: {
  readonly launchType?: string | undefined;
  readonly capacityProviderStrategy?: readonly unknown[] | undefined;
}): 'EC2' | 'EXTERNAL' | EcsError {
  const strategy = input.capacityProviderStrategy ?? [];
  if (strategy.length > 0) {
    return invalid(
      input.launchType === undefined
        ? 'The specified capacity provider was not found.'
        : 'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
    );
  }
  switch (input.launchType) {
    case undefined:
    case 'EC2':
      return 'EC2';
    case 'EXTERNAL':
      return 'EXTERNAL';
    default:
      return ecsError('UnsupportedFeatureException', `Launch type ${input.launchType} is not simulated.`);
  }
}

function networkProblem(definition: TaskDefinition, launchType: 'EC2' | 'EXTERNAL', given: boolean): EcsError | null {
  const isAwsvpc = definition.networkMode === 'awsvpc';
  if (isAwsvpc && launchType === 'EXTERNAL') {
    return invalid("The network mode 'awsvpc' is not supported with the EXTERNAL launch type.");
  }
  if (isAwsvpc && !given) {
    return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  if (!isAwsvpc && given) {
    return invalid('Network Configuration is not valid for the given networkMode of this task definition.');
  }
  return null;
}

/** The constraints of the request and of the task definition together; the limit holds for their sum. */
function readConstraints(
  definition: TaskDefinition,
  given: readonly { readonly type: 'memberOf' | 'distinctInstance'; readonly expression?: string | undefined }[],
): { readonly memberOf: readonly Query[]; readonly distinctInstance: boolean } | EcsError {
  if (given.length + definition.memberOf.length > CONSTRAINTS_MAX) {
    return invalid(`A task cannot have more than ${CONSTRAINTS_MAX} placement constraints.`);
  }
  const distinct = given.filter((constraint) => constraint.type === 'distinctInstance');
  if (distinct.some((constraint) => constraint.expression !== undefined)) {
    return invalid('An expression cannot be specified with the distinctInstance placement constraint.');
  }
  const expressions = given.filter(({ type }) => type === 'memberOf').map(({ expression }) => expression ?? '');
  const memberOf: Query[] = [];
  for (const expression of [...expressions, ...definition.memberOf]) {
    if (expression.length > EXPRESSION_CHARS_MAX) {
      return invalid(`Placement constraint expression cannot be longer than ${EXPRESSION_CHARS_MAX} characters.`);
    }
    const parsed = parseQuery(expression);
    if (!parsed.ok) return invalid(`Invalid placement constraint expression: ${parsed.problem}.`);
    memberOf.push(parsed.query);
  }
  return { memberOf, distinctInstance: distinct.length > 0 };
}

function termsOf(
  definition: TaskDefinition,
  input: {
    readonly group?: string | undefined;
    readonly startedBy?: string | undefined;
    readonly overrides: z.output<typeof overridesSchema>;
    readonly tags: LaunchTerms['tags'];
  },
): LaunchTerms {
  return {
    definition,
    group: input.group ?? `family:${definition.family}`,
    startedBy: input.startedBy,
    overrides: input.overrides,
    needs: needsOf(definition, input.overrides),
    tags: input.tags,
  };
}
