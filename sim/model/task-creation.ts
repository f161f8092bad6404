import { z } from 'zod';

import { isExternal } from './hosts.ts';
import { planStart } from './life-cycle.ts';
import { arnPrefix } from './lookup.ts';
import { tellOfTask } from './outbox.ts';
import { reserve } from './resources.ts';
import { amountField, cpuField, memoryField } from './validation.ts';
import type { Host, Tag, Task, TaskBehaviour, TaskDefinition, TaskNeeds } from './records.ts';
import type { World } from './world.ts';

const ARN_ID_HEX_DIGITS = 32;

/** Environment variables by which a container tells the simulator what its task does. */
const EXIT_AFTER_MS = 'SIM_EXIT_AFTER_MS';
const EXIT_CODE = 'SIM_EXIT_CODE';
const EXIT_CODE_DEFAULT = 1;
const FAIL_TO_START = 'SIM_FAIL_TO_START';
const UNHEALTHY = 'SIM_UNHEALTHY';

export const overridesSchema = z.looseObject({
  cpu: cpuField,
  memory: memoryField,
  containerOverrides: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        cpu: amountField,
        memory: amountField,
        memoryReservation: amountField,
        environment: z.array(z.object({ name: z.string().optional(), value: z.string().optional() })).optional(),
      }),
    )
    .optional(),
});

export interface LaunchTerms {
  readonly definition: TaskDefinition;
  readonly group: string;
  readonly startedBy: string | undefined;
  readonly overrides: z.output<typeof overridesSchema>;
  readonly needs: TaskNeeds;
  readonly tags: Tag[];
}

/** Creates a task on a host that can take it, and plans its life. */
export function createTask(world: World, host: Host, terms: LaunchTerms): Task {
  const { cluster } = host;
  const id = world.random.hex(ARN_ID_HEX_DIGITS);
  const task: Task = {
    id,
    arn: `${arnPrefix(world)}:task/${cluster.name}/${id}`,
    order: world.created++,
    cluster,
    host,
    definition: terms.definition,
    group: terms.group,
    startedBy: terms.startedBy,
    launchType: isExternal(host) ? 'EXTERNAL' : 'EC2',
    overrides: terms.overrides,
    needs: terms.needs,
    behaviour: behaviourOf(terms),
    containers: terms.definition.containers.map(({ name, image }) => ({
      arn: `${arnPrefix(world)}:container/${cluster.name}/${id}/${world.random.hex(ARN_ID_HEX_DIGITS)}`,
      name,
      image,
    })),
    createdAt: world.now,
    tags: terms.tags,
    lastStatus: 'PENDING',
    desiredStatus: 'RUNNING',
    healthStatus: 'UNKNOWN',
    version: 1,
    startedAt: undefined,
    stoppingAt: undefined,
    stoppedAt: undefined,
    stopCode: undefined,
    stoppedReason: undefined,
    exitCode: undefined,
    plan: 0,
  };
  cluster.tasks.set(id, task);
  host.tasks.add(task);
  tellOfTask(world, task);
  reserve(world, task);
  world.ledger.taskCreated(task);
  planStart(world, task);
  return task;
}

function behaviourOf({ definition, overrides }: LaunchTerms): TaskBehaviour {
  const variables = [
    ...definition.containers.flatMap((container) => container.environment ?? []),
    ...(overrides.containerOverrides ?? []).flatMap((override) => override.environment ?? []),
  ];
  const environment = new Map(variables.map(({ name, value }) => [name, value ?? '']));
  const exitAfterMs = wholeNumber(environment.get(EXIT_AFTER_MS));
  const failToStart = environment.get(FAIL_TO_START);
  const hasHealthCheck = definition.containers.some((container) => container.healthCheck !== undefined);
  const health = hasHealthCheck ? 'HEALTHY' : 'UNKNOWN';
  return {
    exitAfterMs,
    exitCode: wholeNumber(environment.get(EXIT_CODE)) ?? EXIT_CODE_DEFAULT,
    failToStart: failToStart === undefined ? null : failureReason(failToStart, definition),
    healthOnceRunning: environment.has(UNHEALTHY) ? 'UNHEALTHY' : health,
  };
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** The value is the reason; a bare switch such as `1` or `true` means the commonest of all. */
function failureReason(value: string, definition: TaskDefinition): string {
  if (!['', '1', 'true'].includes(value)) return value;
  return `CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref ${definition.containers[0]?.image ?? ''}`;
}
