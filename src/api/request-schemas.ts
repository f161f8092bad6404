/**
 * The bodies that callers send: what validates one is also what the OpenAPI document shows.
 * The fields stand in alphabetical order, because v0.3.0 listed its faults so.
 */
import { z } from '@hono/zod-openapi';
import { parseQuery } from '../query/parse.ts';
import { configurationSchema } from './configuration-schema.ts';
import {
  ENVIRONMENT_NAME,
  networkConfigurationSchema,
  ofType,
  REVISION_ID,
  shouldMatch,
  text,
  UUID,
  type RawIssue,
} from './fields.ts';

/** ECS API reference, CreateCluster: up to 255 letters, digits, underscores and hyphens; or the ARN, in any partition. */
const CLUSTER = /^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster\/)?[a-zA-Z0-9_-]{1,255}$/;
/** ECS API reference, RunTask: `startedBy`. */
const STARTED_BY = /^[a-zA-Z0-9_/-]{1,128}$/;
/** ECS API reference, RegisterTaskDefinition and CreateService: names of families and services. */
const ECS_NAME = /^[a-zA-Z0-9_-]{1,255}$/;
/** Each is looked for on every draining host. */
const MOST_DRAIN_AFTER = 20;

const selectorPart = (pattern: RegExp, description: string) =>
  z
    .string({ error: ofType('string') })
    .regex(pattern, shouldMatch(pattern))
    .nullish()
    .openapi({ description });

const adoptSchema = z
  .strictObject(
    {
      family: selectorPart(ECS_NAME, 'Those of this task definition family.'),
      service: selectorPart(ECS_NAME, 'Those of this ECS service; delete it first, and keep its tasks.'),
      startedBy: selectorPart(STARTED_BY, 'Those with this startedBy.'),
    },
    { error: ofType('object') },
  )
  .refine(
    (parts) => Object.values(parts).filter((part) => part != null).length === 1,
    'should have one of [family service startedBy]',
  )
  .openapi('Adopt', {
    description: 'Tasks that something else started, and that count as ours: they are replaced by the next rollout.',
  });

const drainAfterSchema = z
  .array(z.string({ error: ofType('string') }).regex(ENVIRONMENT_NAME, shouldMatch(ENVIRONMENT_NAME)), {
    error: ofType('array'),
  })
  .max(MOST_DRAIN_AFTER, `should have at most ${MOST_DRAIN_AFTER} items`)
  .openapi({
    description: 'Environments of the same cluster. On a draining host the task of this one leaves after theirs.',
  });

const clusterSchema = z
  .string({ error: ofType('string') })
  .regex(CLUSTER, {
    error: ({ input }: RawIssue) => (input === '' ? 'is required' : 'should be a cluster name or ARN'),
  })
  .openapi({ description: 'Name or ARN of the cluster.', example: 'my-cluster' });

const querySchema = z
  .string({ error: ofType('string') })
  .superRefine((given, context) => {
    const parsed = parseQuery(given);
    if (parsed.ok) return;
    const message = `is not a cluster query: ${parsed.problem} at character ${parsed.position}`;
    context.addIssue({ code: 'custom', message });
  })
  .openapi({
    description: "Which hosts of the cluster, in ECS's cluster query language; all by default.",
    example: 'attribute:ecs.instance-type =~ m5.*',
  });

const required = z
  .boolean({ error: ofType('boolean') })
  .openapi({ description: 'Takes part in the host attribute daemons.ready; false by default.' });

const taskDefinition = text().openapi({
  description: 'Family, family:revision or ARN. A family means its latest ACTIVE revision at this moment.',
  example: 'log-agent:3',
});

/**
 * Takes no member it does not know, though v0.3.0 did: a typo would become a default, and the default of a query is every
 * host. None of the requests recorded from v0.3.0 has another member.
 */
export const createEnvironmentSchema = z
  .strictObject({
    adopt: adoptSchema.nullish(),
    deploymentConfiguration: configurationSchema.nullish(),
    drainAfter: drainAfterSchema.nullish(),
    instanceGroup: z
      .strictObject({ cluster: clusterSchema, query: querySchema.nullish() }, { error: ofType('object') })
      .openapi({ description: 'The hosts: container instances of a cluster.' }),
    name: z
      // A name of another type is told the pattern too, as in v0.3.0.
      .string({
        error: ({ input }: RawIssue) =>
          input === undefined || input === null ? 'is required' : shouldMatch(ENVIRONMENT_NAME),
      })
      .regex(ENVIRONMENT_NAME, shouldMatch(ENVIRONMENT_NAME))
      .openapi({ example: 'log-agent' }),
    networkConfiguration: networkConfigurationSchema.nullish(),
    required: required.nullish(),
    taskDefinition,
  })
  .openapi('CreateEnvironmentRequest');

/** Nor does it: a typo would change nothing and say it had. */
export const updateEnvironmentSchema = z
  .strictObject({
    adopt: adoptSchema.nullish(),
    deploymentConfiguration: configurationSchema.nullish(),
    deploymentToken: z
      .string({ error: ofType('string') })
      .regex(UUID, shouldMatch(UUID))
      .optional()
      .openapi({ description: 'The current one, unless If-Match has it.' }),
    drainAfter: drainAfterSchema.nullish(),
    instanceGroup: z
      .strictObject(
        {
          cluster: clusterSchema.optional().openapi({ description: 'As it is: an environment does not move.' }),
          query: querySchema.nullish(),
        },
        { error: ofType('object') },
      )
      .optional(),
    networkConfiguration: networkConfigurationSchema.nullish(),
    required: required.nullish(),
    taskDefinition: taskDefinition.optional(),
  })
  .openapi('UpdateEnvironmentRequest', {
    description:
      'What is left out stays; null brings back the default. The same of deploymentConfiguration and its members.',
  });

export const rollbackSchema = z
  .strictObject({
    to: z
      .string({ error: ofType('string') })
      .regex(REVISION_ID, shouldMatch(REVISION_ID))
      .nullish()
      .openapi({
        description: 'Id of a revision. By default what was completed last; if that is the target, what was before it.',
      }),
  })
  .openapi('RollbackRequest');

/** Of a POST that says everything by its path and its query. */
export const noMembersSchema = z.strictObject({});

export type CreateEnvironmentRequest = z.infer<typeof createEnvironmentSchema>;
export type UpdateEnvironmentRequest = z.infer<typeof updateEnvironmentSchema>;
