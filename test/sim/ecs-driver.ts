import { z } from 'zod';

import type { EcsError } from '../../sim/model/answer.ts';
import { EcsModel } from '../../sim/model/model.ts';
import type { ModelOptions } from '../../sim/model/options.ts';

/** What tests look at in the answers; everything else is let through untouched. */
const taskSchema = z.looseObject({
  taskArn: z.string(),
  containerInstanceArn: z.string().optional(),
  lastStatus: z.string(),
  desiredStatus: z.string(),
  version: z.number().optional(),
});
const instanceSchema = z.looseObject({
  containerInstanceArn: z.string(),
  ec2InstanceId: z.string(),
  status: z.string(),
  agentConnected: z.boolean(),
  version: z.number(),
  runningTasksCount: z.number(),
  remainingResources: z.array(z.looseObject({ name: z.string(), integerValue: z.number() })),
});
const bodySchema = z.looseObject({
  task: taskSchema.optional(),
  tasks: z.array(taskSchema).default([]),
  failures: z.array(z.object({ arn: z.string().optional(), reason: z.string() })).default([]),
  taskArns: z.array(z.string()).default([]),
  containerInstance: instanceSchema.optional(),
  containerInstances: z.array(instanceSchema).default([]),
  containerInstanceArns: z.array(z.string()).default([]),
  nextToken: z.string().optional(),
});

export type Body = z.output<typeof bodySchema>;
export type TaskBody = z.output<typeof taskSchema>;
export type InstanceBody = z.output<typeof instanceSchema>;

/** A noon of no meaning: tests go by differences. */
const START = 1_800_000_000_000;

/** Drives a model with a clock that stands still until the test moves it. */
export class EcsDriver {
  readonly model: EcsModel;
  now = START;

  constructor(options: Partial<ModelOptions> = {}) {
    this.model = new EcsModel({ throttling: false, ...options });
  }

  /** The answer to a call that must succeed. */
  call(operation: string, body: object = {}): Body {
    const answer = this.model.apply(this.now, { operation, body });
    if (answer.kind === 'error') throw new Error(`${operation}: ${answer.type}: ${answer.message}`);
    return bodySchema.parse(answer.body);
  }

  /** The error of a call that must fail. */
  fail(operation: string, body: object = {}): EcsError {
    const answer = this.model.apply(this.now, { operation, body });
    if (answer.kind === 'ok') throw new Error(`${operation} succeeded: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  wait(ms: number): void {
    this.now += ms;
  }

  /** Registers `family:1` with one container. */
  define(family: string, container: object = {}, definition: object = {}): void {
    this.call('RegisterTaskDefinition', {
      family,
      ...definition,
      containerDefinitions: [{ name: 'main', image: 'busybox', cpu: 64, memory: 64, ...container }],
    });
  }

  addHosts(count: number, options: { external?: boolean; attributes?: Record<string, string> } = {}) {
    return this.model.addHosts(this.now, { cluster: 'default', count, ...options });
  }

  run(body: object = {}): Body {
    return this.call('RunTask', { taskDefinition: 'daemon', ...body });
  }

  /** Runs one task that must be placed. */
  runOne(body: object = {}): TaskBody {
    return only(this.run(body).tasks);
  }

  task(arn: string): TaskBody {
    return only(this.call('DescribeTasks', { tasks: [arn] }).tasks);
  }

  instance(arn: string): InstanceBody {
    return only(this.call('DescribeContainerInstances', { containerInstances: [arn] }).containerInstances);
  }
}

/** A driver with hosts and the task definition `daemon`. */
export function driverWith(hosts: number, options: Partial<ModelOptions> = {}): EcsDriver {
  const ecs = new EcsDriver(options);
  ecs.addHosts(hosts);
  ecs.define('daemon');
  return ecs;
}

export function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined || items.length !== 1) throw new Error(`expected one item, got ${items.length}`);
  return item;
}

export function pin(...ec2InstanceIds: readonly string[]): object {
  return {
    placementConstraints: [
      { type: 'memberOf', expression: `ec2InstanceId in [${ec2InstanceIds.map((id) => `'${id}'`).join(', ')}]` },
      { type: 'distinctInstance' },
    ],
  };
}
