/** What `hosts`, `status` and `plan` answer. */
import { z } from '@hono/zod-openapi';

const instant = (description: string) => z.iso.datetime().openapi({ description });
const count = (description: string) => z.number().int().openapi({ description });

const hostSchema = z
  .object({
    instance: z.string().openapi({ description: 'ARN of the container instance.' }),
    ec2InstanceId: z.string().optional(),
    state: z.enum([
      'ready',
      'starting',
      'stopping',
      'launching',
      'empty',
      'disconnected',
      'draining',
      'excluded',
      'not-matching',
    ]),
    explanation: z.string().openapi({ description: 'Why it is so and what comes next, in a sentence.' }),
    task: z
      .object({
        arn: z.string(),
        taskDefinition: z.string(),
        revision: z.string().openapi({ description: 'Id of the revision, or `adopted`.' }),
        current: z.boolean().openapi({ description: 'It is what the current deployment would launch.' }),
      })
      .optional(),
    since: instant('Since when it has this task, or none.').optional(),
    wave: z.string().optional(),
    waitingFor: z.string().optional(),
    until: instant('Until when it waits, where that is known.').optional(),
    failedAttempts: count('Attempts in a row that did not last.'),
  })
  .openapi('Host');

export const hostListSchema = z
  .object({
    items: z.array(hostSchema).openapi({ description: 'In order of ARN.' }),
    nextToken: z.string().optional().openapi({ description: 'There are more: send it as nextToken to get them.' }),
  })
  .openapi('HostList');

export const hostWithHistorySchema = hostSchema
  .extend({
    history: z
      .array(
        z.object({
          at: instant('When it was decided.'),
          saw: z.string(),
          rule: z.string().openapi({ description: 'Number of the rule in the planner, or a word.' }),
          did: z.string(),
          outcome: z.string().optional(),
        }),
      )
      .openapi({ description: 'The last decisions about the host, the newest first.' }),
  })
  .openapi('HostWithHistory');

export const statusSchema = z
  .object({
    observedRevision: z.string().optional().openapi({ description: 'Id of the revision that is worked towards.' }),
    desired: count('Hosts that must have a task.'),
    current: count('Those that have one.'),
    updated: count('Those whose task is of the current deployment.'),
    ready: count('Those whose task is ready.'),
    unavailable: count('Those without a ready task.'),
    deferred: count('Hosts whose agent is disconnected: caught up when they return.'),
    misplaced: count('Hosts with a task that should have none.'),
    duplicates: count('Hosts with more than one live task that nobody is stopping.'),
    uncoveredHostSeconds: count('Time without a ready task since the deployment was asked for, of all hosts together.'),
    estimatedSecondsLeft: count(
      'By the pace so far. Absent while a wave bakes, or waits for a person to promote.',
    ).optional(),
  })
  .openapi('Status');

export const planSchema = z
  .object({
    ending: z.enum(['completed', 'failed', 'paused', 'cancelled', 'endless', 'nothing-to-do']),
    hosts: z.array(
      z.object({
        instance: z.string(),
        action: z.enum(['launch', 'replace', 'stop', 'none', 'fail']),
        wave: z.string().optional(),
        reason: z.string().optional().openapi({ description: "Why it fails, in ECS's words, or why nothing is done." }),
        launches: count('Tasks that are started there.'),
        stops: count('Tasks that are stopped there.'),
      }),
    ),
    calls: z.object({ runTask: z.number().int(), stopTask: z.number().int() }),
    budgetSeconds: count('What ECS allows for these calls: 100 at once and 40 a second.'),
    waitSeconds: count('What the rollout waits for by itself: readiness, bakes, backoffs.'),
    manualWaves: z
      .array(z.string())
      .openapi({ description: 'Waves that wait for a person; counted as promoted at once.' }),
  })
  .openapi('Plan');

export type HostWire = z.infer<typeof hostSchema>;
export type StatusWire = z.infer<typeof statusSchema>;
export type PlanWire = z.infer<typeof planSchema>;
