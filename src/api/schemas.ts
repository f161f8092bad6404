/**
 * The wire types of `/v1`: what validates a body is also what the OpenAPI document shows.
 * An error message here is the end of a line that begins with `<field> in body`; the words are those of v0.3.0.
 * The fields of a request stand in alphabetical order, because v0.3.0 listed its faults so.
 */
import { z } from '@hono/zod-openapi';

export const ENVIRONMENT_NAME = /^[a-zA-Z0-9-_]{1,30}$/;
/** Lower case only, as in v0.3.0: tokens and ids are compared as they are written. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** ECS API reference, CreateCluster: up to 255 letters, digits, underscores and hyphens; or the ARN, in any partition. */
const CLUSTER = /^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster\/)?[a-zA-Z0-9_-]{1,255}$/;

/** ECS API reference, AwsVpcConfiguration. */
const MOST_SUBNETS = 16;
const MOST_SECURITY_GROUPS = 5;
/** Far longer than any ARN or id of AWS; what is stored and sent on stays small. */
const MOST_CHARACTERS = 512;

type RawIssue = { readonly input?: unknown };
const ofType =
  (type: string) =>
  ({ input }: RawIssue): string =>
    input === undefined || input === null ? 'is required' : `must be of type ${type}`;
const shouldMatch = (pattern: RegExp): string => `should match '${pattern.source}'`;

const text = () =>
  z.string({ error: ofType('string') }).max(MOST_CHARACTERS, `should be at most ${MOST_CHARACTERS} chars long`);
const id = (what: string) => text().min(1, `should be at least 1 chars long`).openapi({ description: what });

const networkConfigurationSchema = z
  .object(
    {
      awsvpcConfiguration: z.object(
        {
          assignPublicIp: z
            .enum(['ENABLED', 'DISABLED'], { error: 'should be one of [ENABLED DISABLED]' })
            .nullish()
            .openapi({ description: 'ECS takes DISABLED, its default, for tasks on container instances.' }),
          securityGroups: z
            .array(id('Id of a security group.'), { error: ofType('array') })
            .max(MOST_SECURITY_GROUPS, `should have at most ${MOST_SECURITY_GROUPS} items`)
            .nullish(),
          subnets: z
            .array(id('Id of a subnet.'), { error: ofType('array') })
            .min(1, 'should have at least 1 items')
            .max(MOST_SUBNETS, `should have at most ${MOST_SUBNETS} items`),
        },
        { error: ofType('object') },
      ),
    },
    { error: ofType('object') },
  )
  .openapi('NetworkConfiguration', {
    description:
      "ECS's networkConfiguration: required by task definitions of network mode awsvpc, refused by all others.",
  });

export const createEnvironmentSchema = z
  .object({
    instanceGroup: z
      .object(
        {
          cluster: z
            .string({ error: ofType('string') })
            .regex(CLUSTER, {
              error: ({ input }: RawIssue) => (input === '' ? 'is required' : 'should be a cluster name or ARN'),
            })
            .openapi({ description: 'Name or ARN of the cluster.', example: 'my-cluster' }),
        },
        { error: ofType('object') },
      )
      .openapi({ description: 'The hosts: all container instances of a cluster.' }),
    name: z
      // A name of another type is told the pattern too, as in v0.3.0.
      .string({
        error: ({ input }: RawIssue) =>
          input === undefined || input === null ? 'is required' : shouldMatch(ENVIRONMENT_NAME),
      })
      .regex(ENVIRONMENT_NAME, shouldMatch(ENVIRONMENT_NAME))
      .openapi({ example: 'log-agent' }),
    networkConfiguration: networkConfigurationSchema.nullish(),
    taskDefinition: text().openapi({
      description: 'Family, family:revision or ARN. A family means its latest ACTIVE revision at this moment.',
      example: 'log-agent:3',
    }),
  })
  .openapi('CreateEnvironmentRequest');

export const nameParameter = z.object({ name: z.string().regex(ENVIRONMENT_NAME) });

export type CreateEnvironmentRequest = z.infer<typeof createEnvironmentSchema>;

const instant = (description: string) => z.iso.datetime().openapi({ description });

const hostsSchema = z
  .object({
    eligible: z.number().int().openapi({ description: 'ACTIVE with the agent connected: must have a task.' }),
    running: z.number().int().openapi({ description: 'Eligible, and the task reached RUNNING.' }),
    starting: z.number().int().openapi({ description: 'Eligible, the task launched but not RUNNING yet.' }),
    failed: z.number().int().openapi({ description: 'Eligible, attempts used up; still repaired, ever more slowly.' }),
    disconnected: z.number().int().openapi({ description: 'Agent disconnected: left alone until it returns.' }),
    draining: z.number().int(),
  })
  .openapi('HostCounts');

export const environmentSchema = z
  .object({
    deploymentToken: z.uuid().openapi({ description: 'To be shown when deploying.' }),
    health: z.enum(['healthy', 'unhealthy']),
    instanceGroup: z.object({ cluster: z.string().openapi({ description: 'ARN.' }) }),
    name: z.string().regex(ENVIRONMENT_NAME),
    taskDefinition: z.string().openapi({ description: 'ARN with revision.' }),
    createdAt: instant('When it was created.'),
    reasons: z.array(z.string()).openapi({ description: 'A sentence for each thing that is wrong.' }),
    hosts: hostsSchema.optional().openapi({ description: 'Absent until the hosts were first looked at.' }),
    networkConfiguration: networkConfigurationSchema.optional(),
    targetDeployment: z.uuid().optional().openapi({ description: 'Id of the deployment that holds.' }),
  })
  .openapi('Environment');

export const environmentListSchema = z
  .object({
    items: z.array(environmentSchema).openapi({ description: 'In order of name.' }),
    nextToken: z.string().optional().openapi({ description: 'There are more: send it as nextToken to get them.' }),
  })
  .openapi('EnvironmentList');

export const deploymentSchema = z
  .object({
    environmentName: z.string(),
    failedInstances: z.array(z.string()).openapi({ description: 'ARNs of container instances.' }),
    id: z.uuid(),
    status: z.enum(['pending', 'running', 'completed']),
    taskDefinition: z.string().openapi({ description: 'ARN with revision.' }),
    state: z.enum(['pending', 'running', 'completed', 'completed-with-failures']).openapi({
      description: 'What status says, and more: completed-with-failures when instances used up their attempts.',
    }),
    createdAt: instant('When it was asked for.'),
    startedAt: instant('When its work began.').optional(),
    completedAt: instant('When every eligible host had its task, or had used up its attempts.').optional(),
    failures: z
      .array(
        z.object({
          instance: z.string().openapi({ description: 'ARN of the container instance.' }),
          reason: z.string().openapi({ description: "In ECS's own words where it gave any." }),
          attempts: z.number().int(),
        }),
      )
      .openapi({ description: 'Why each of the failed instances failed.' }),
  })
  .openapi('Deployment');

export const deploymentListSchema = z
  .object({ items: z.array(deploymentSchema).openapi({ description: 'Newest first.' }) })
  .openapi('DeploymentList');

export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    errors: z
      .array(z.object({ detail: z.string() }))
      .optional()
      .openapi({ description: 'One for each fault of the input.' }),
    requestId: z.string(),
  })
  .openapi('Problem', { description: 'RFC 9457, for callers whose Accept names application/problem+json.' });

export type EnvironmentWire = z.infer<typeof environmentSchema>;
export type DeploymentWire = z.infer<typeof deploymentSchema>;
