/** What `/v1` answers with. The fields of v0.3.0 come first, as it wrote them; those that have no value are left out. */
import { z } from '@hono/zod-openapi';
import { configurationWireSchema } from './configuration-schema.ts';
import { ENVIRONMENT_NAME, networkConfigurationSchema, REVISION_ID } from './fields.ts';

export const nameParameter = z.object({ name: z.string().regex(ENVIRONMENT_NAME) });

const instant = (description: string) => z.iso.datetime().openapi({ description });
const hostCount = (description?: string) =>
  z
    .number()
    .int()
    .openapi(description === undefined ? {} : { description });
const hostArn = z.string().openapi({ description: 'ARN of the container instance.' });
const revisionId = z.string().regex(REVISION_ID).openapi({ description: 'Id of the revision: a hash of its content.' });
const taskDefinition = z.string().openapi({ description: 'ARN with revision.' });

const hostsSchema = z
  .object({
    eligible: hostCount('ACTIVE with the agent connected, matched by the query and not excluded: must have a task.'),
    running: hostCount('Eligible, and the task reached RUNNING.'),
    ready: hostCount('Eligible, and the task is ready.'),
    updated: hostCount('Eligible, and the task is of the target deployment.'),
    starting: hostCount('Eligible, the task launched but not RUNNING yet.'),
    failed: hostCount('Eligible, attempts used up; still repaired, ever more slowly.'),
    disconnected: hostCount('Agent disconnected: left alone until it returns.'),
    draining: hostCount(),
  })
  .openapi('HostCounts');

const instanceGroupSchema = z.object({
  cluster: z.string().openapi({ description: 'ARN.' }),
  query: z.string().optional(),
});

export const environmentSchema = z
  .object({
    deploymentToken: z.uuid().openapi({ description: 'To be shown when updating and deploying.' }),
    health: z.enum(['healthy', 'unhealthy']),
    instanceGroup: instanceGroupSchema,
    name: z.string().regex(ENVIRONMENT_NAME),
    taskDefinition,
    createdAt: instant('When it was created.'),
    reasons: z.array(z.string()).openapi({ description: 'A sentence for each thing that is wrong.' }),
    hosts: hostsSchema.optional().openapi({ description: 'Absent until the hosts were first looked at.' }),
    networkConfiguration: networkConfigurationSchema.optional(),
    targetDeployment: z.uuid().optional().openapi({ description: 'Id of the deployment that holds.' }),
    revision: revisionId.openapi({ description: 'Id of the revision that the next deployment deploys.' }),
    deploymentConfiguration: configurationWireSchema,
    adopt: z
      .object({ startedBy: z.string().optional(), family: z.string().optional(), service: z.string().optional() })
      .optional(),
    drainAfter: z.array(z.string()).optional(),
    required: z.boolean().optional(),
    frozen: z.boolean().optional().openapi({ description: 'Nothing is launched or stopped until it is thawed.' }),
    excluded: z.array(hostArn).optional().openapi({ description: 'Hosts that are left alone.' }),
  })
  .openapi('Environment');

export const environmentListSchema = z
  .object({
    items: z.array(environmentSchema).openapi({ description: 'In order of name.' }),
    nextToken: z.string().optional().openapi({ description: 'There are more: send it as nextToken to get them.' }),
  })
  .openapi('EnvironmentList');

const revisionSchema = z
  .object({
    id: revisionId,
    taskDefinition,
    networkConfiguration: networkConfigurationSchema.optional(),
    instanceGroup: instanceGroupSchema,
    deploymentConfiguration: configurationWireSchema,
    createdAt: instant('When it was first made.'),
    current: z.boolean().openapi({ description: 'The next deployment deploys it.' }),
    deployments: z.array(z.uuid()).openapi({ description: 'Ids of its deployments, the newest first.' }),
  })
  .openapi('Revision');

export const revisionListSchema = z
  .object({ items: z.array(revisionSchema).openapi({ description: 'Newest first.' }) })
  .openapi('RevisionList');

const waveSchema = z
  .object({
    name: z.string(),
    state: z.enum(['open', 'closed', 'done']).openapi({
      description:
        'closed: its hosts keep what they have. done: all its hosts are, or the waves behind it were opened.',
    }),
    promote: z.enum(['auto', 'manual']),
    bakeMinutes: z.number().int(),
  })
  .openapi('Wave');

export const deploymentSchema = z
  .object({
    environmentName: z.string(),
    failedInstances: z.array(z.string()).openapi({
      description:
        'ARNs of container instances, 10,000 at most. The answer to an order lists 20, GET of the deployment all.',
    }),
    id: z.uuid(),
    status: z.enum(['pending', 'running', 'completed']).openapi({
      description: 'As v0.3.0 knew it: a paused one runs, and one that is over in whatever way is completed.',
    }),
    taskDefinition,
    state: z.enum(['pending', 'running', 'paused', 'rolling-back', 'completed', 'failed', 'cancelled', 'superseded']),
    createdAt: instant('When it was asked for.'),
    startedAt: instant('When its work began.').optional(),
    completedAt: instant('When it was over.').optional(),
    failures: z
      .array(
        z.object({
          instance: hostArn,
          reason: z.string().openapi({
            description:
              "In ECS's own words where it gave any. Of more than 50 different ones the rarer are told by the hosts alone.",
          }),
          attempts: z.number().int(),
        }),
      )
      .openapi({ description: 'Why each of the failed instances failed.' }),
    kind: z.enum(['deploy', 'restart', 'rollback']),
    revision: revisionId,
    reason: z.string().optional().openapi({ description: 'Why it is paused, failed or cancelled.' }),
    rollsBack: z.uuid().optional().openapi({ description: 'Id of the deployment that it takes back.' }),
    waves: z.array(waveSchema).openapi({ description: 'Empty until the hosts are known.' }),
    openedAt: instant('When the last open wave was opened, or the rollout resumed.').optional(),
    deferredInstances: z.array(z.string()).openapi({
      description:
        'ARNs of container instances that it does not wait for: they are caught up when their agents return. As many as of ' +
        'failedInstances.',
    }),
    ignoredAlarms: z.array(z.string()).openapi({
      description: 'Alarms that fired when it began: they do not count until they were OK.',
    }),
    orders: z
      .object({
        paused: z.boolean(),
        promoted: z.number().int().openapi({ description: 'Waves that were promoted by hand.' }),
        cancelled: z.boolean(),
      })
      .optional()
      .openapi({
        description: 'What people told it; state says so once it is heeded. Absent when they told it nothing.',
      }),
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
export type RevisionWire = z.infer<typeof revisionSchema>;
export type DeploymentWire = z.infer<typeof deploymentSchema>;
