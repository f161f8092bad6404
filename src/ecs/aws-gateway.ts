/** The port to Amazon ECS over the AWS SDK. See gateway.ts for what it promises. */
import {
  DeleteAttributesCommand,
  PutAttributesCommand,
  RunTaskCommand,
  StartTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import type { RunTaskCommandInput, StartTaskCommandInput } from '@aws-sdk/client-ecs';
import type { HostCapacity } from '../domain/capacity.ts';
import type { AdoptSelector } from '../domain/adoption.ts';
import type { Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, InstanceArn, Instant, TaskArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { Launch } from '../domain/launch.ts';
import type { Fault, LaunchOutcome, Priority, StopOutcome } from '../domain/plan.ts';
import { changeAttribute } from './attributes.ts';
import { AwsClient, TOO_LATE } from './aws-client.ts';
import type { AwsSettings } from './aws-client.ts';
import { ABORTED } from '../concurrency/bounded.ts';
import type { Budget } from './budget.ts';
import { describeCapacities } from './capacity.ts';
import { describeInstances, describeTasks } from './describe.ts';
import type {
  AttributeCall,
  AttributeGateway,
  AttributeOutcome,
  EcsGateway,
  LaunchCall,
  Resolution,
  ResolvedTaskDefinition,
  StopCall,
  Survey,
} from './gateway.ts';
import type { Ending, LaunchAnswer } from './outcomes.ts';
import { launchOutcome, stopOutcome } from './outcomes.ts';
import { Polls } from './polls.ts';
import { Resolver } from './resolve.ts';
import { StoppedTasks } from './stopped-tasks.ts';
import { surveyCluster } from './survey.ts';
import { TaskDefinitions } from './task-definitions.ts';

/** ECS API reference, StopTask. */
const MOST_REASON_CHARACTERS = 255;

export interface AwsGatewayOptions {
  readonly settings: AwsSettings;
  readonly budget: Budget;
  /** The clock that `notAfter` is of. */
  readonly now: () => Instant;
}

export class AwsGateway implements EcsGateway, AttributeGateway {
  private readonly budget: Budget;
  private readonly client: AwsClient;
  private readonly taskDefinitions: TaskDefinitions;
  private readonly resolver: Resolver;
  private readonly polls: Polls;
  private readonly stopped = new StoppedTasks();

  constructor({ settings, budget, now }: AwsGatewayOptions) {
    this.budget = budget;
    this.client = new AwsClient({ settings, budget, now });
    this.taskDefinitions = new TaskDefinitions({ client: this.client, now });
    this.resolver = new Resolver({ client: this.client, now });
    this.polls = new Polls(this.client);
  }

  async launch({ launch, replay, priority, notAfter }: LaunchCall, signal: AbortSignal): Promise<LaunchOutcome> {
    assertSafeToSend(launch, replay);
    const ending = await this.change<LaunchAnswer>({ priority, notAfter, signal }, () =>
      launch.primitive === 'RunTask'
        ? this.client.sendOnce(new RunTaskCommand(launch.request as unknown as RunTaskCommandInput), {
            notAfter,
            signal,
          })
        : this.client.sendOnce(new StartTaskCommand(launch.request as unknown as StartTaskCommandInput), {
            notAfter,
            signal,
          }),
    );
    const outcome = launchOutcome(ending, { replay });
    // The definition may be why: whoever launches next asks anew instead of trusting what we remember.
    if (outcome.kind === 'refused' && !outcome.retry) this.taskDefinitions.forget(launch.taskDefinition);
    return outcome;
  }

  async stop({ cluster, task, reason, priority, notAfter }: StopCall, signal: AbortSignal): Promise<StopOutcome> {
    const command = new StopTaskCommand({ cluster, task, reason: reason.slice(0, MOST_REASON_CHARACTERS) });
    const ending = await this.change<unknown>({ priority, notAfter, signal }, () =>
      this.client.sendOnce(command, { notAfter, signal }),
    );
    return stopOutcome(ending);
  }

  changeAttribute(call: AttributeCall, signal: AbortSignal): Promise<ReadonlyMap<InstanceArn, AttributeOutcome>> {
    const bounds = { priority: 'rollout', notAfter: call.notAfter, signal } as const;
    return changeAttribute(call, (input) =>
      this.change<unknown>(bounds, () =>
        call.change.kind === 'put'
          ? this.client.sendOnce(new PutAttributesCommand(input), bounds)
          : this.client.sendOnce(new DeleteAttributesCommand(input), bounds),
      ),
    );
  }

  describeTasks(
    cluster: ClusterArn,
    tasks: readonly TaskArn[],
    signal: AbortSignal,
    priority: Priority = 'repair',
  ): Promise<ReadonlyMap<TaskArn, Task | 'MISSING'>> {
    return describeTasks(this.client, cluster, tasks, { priority, signal });
  }

  pollTasks(
    cluster: ClusterArn,
    tasks: readonly TaskArn[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<TaskArn, Task | 'MISSING'>> {
    return this.polls.ask(cluster, tasks, signal);
  }

  describeInstances(
    cluster: ClusterArn,
    instances: readonly InstanceArn[],
    signal: AbortSignal,
    priority: Priority = 'repair',
  ): Promise<ReadonlyMap<InstanceArn, Instance | 'MISSING'>> {
    return describeInstances(this.client, cluster, instances, { priority, signal });
  }

  capacities(
    cluster: ClusterArn,
    instances: readonly InstanceArn[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<InstanceArn, HostCapacity | 'MISSING'>> {
    return describeCapacities(this.client, cluster, instances, { priority: 'rollout', signal });
  }

  survey(cluster: ClusterArn, adopt: readonly AdoptSelector[], signal: AbortSignal): Promise<Survey> {
    return surveyCluster({ client: this.client, cluster, adopt, stopped: this.stopped, signal });
  }

  taskDefinitionStatus(taskDefinition: TaskDefinitionArn, signal: AbortSignal): Promise<'ACTIVE' | 'INACTIVE'> {
    return this.taskDefinitions.status(taskDefinition, signal);
  }

  taskDefinition(taskDefinition: TaskDefinitionArn, signal: AbortSignal): Promise<ResolvedTaskDefinition> {
    return this.taskDefinitions.definition(taskDefinition, signal);
  }

  resolveCluster(nameOrArn: string, signal: AbortSignal): Promise<Resolution<ClusterArn>> {
    return this.resolver.cluster(nameOrArn, signal);
  }

  resolveTaskDefinition(familyOrArn: string, signal: AbortSignal): Promise<Resolution<ResolvedTaskDefinition>> {
    return this.resolver.taskDefinition(familyOrArn, signal);
  }

  /** Drops kept connections; calls under way end with an error. */
  close(): void {
    this.client.close();
  }

  private async change<Output>(
    { priority, notAfter, signal }: ChangeBounds,
    send: () => Promise<Ending<Output>>,
  ): Promise<Ending<Output>> {
    const taken = await this.budget.take('modify', priority, { notAfter, signal });
    return taken === 'taken' ? send() : notSent(taken === 'late' ? TOO_LATE : ABORTED);
  }
}

interface ChangeBounds {
  readonly priority: Priority;
  readonly notAfter: Instant;
  readonly signal: AbortSignal;
}

const notSent = (fault: Fault): Ending<never> => ({
  kind: 'error',
  sent: false,
  error: { fault, status: null, attempts: 0, resourceIds: [] },
});

/** A launch that breaks these was planned wrongly, and sending it could start a second task. */
function assertSafeToSend({ id, primitive, request }: Launch, replay: boolean): void {
  if (primitive === 'RunTask' && request['clientToken'] !== id) {
    throw new Error(`launch ${id} must carry its own id as clientToken`);
  }
  if (primitive === 'StartTask' && replay)
    throw new Error(`launch ${id} has no idempotency key and must not be sent again`);
}
