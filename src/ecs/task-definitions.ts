import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import { after, as } from '../domain/ids.ts';
import type { Instant, TaskDefinitionArn } from '../domain/ids.ts';
import type { AwsClient, ReadBounds } from './aws-client.ts';
import { ABORTED, bounded, orAborted } from '../concurrency/bounded.ts';
import { hasHealthCheck, taskNeedsOf } from './capacity.ts';
import { EcsReadError } from './gateway.ts';
import type { ResolvedTaskDefinition } from './gateway.ts';
import { ReadFailure } from './read-failure.ts';

type Status = 'ACTIVE' | 'INACTIVE';

interface Known {
  readonly status: Status;
  /** Or why ECS does not describe it. */
  readonly definition: ResolvedTaskDefinition | EcsReadError;
}

/** A definition is rarely deregistered, and a launch of one that just was fails at ECS anyway. */
const REMEMBERED_MS = 30_000;
/** One entry per environment, in effect. */
const MOST_REMEMBERED = 1_000;
/** The shared call outlives a caller that gives up, but not by much. */
const SHARED_CALL_MS = 30_000;

/** Task definitions and whether they are still ACTIVE, remembered for a while; callers at the same time share one call. */
export class TaskDefinitions {
  private readonly client: AwsClient;
  private readonly now: () => Instant;
  private readonly known = new Map<TaskDefinitionArn, { readonly answer: Promise<Known>; readonly until: Instant }>();

  constructor({ client, now }: { readonly client: AwsClient; readonly now: () => Instant }) {
    this.client = client;
    this.now = now;
  }

  async status(arn: TaskDefinitionArn, signal: AbortSignal): Promise<Status> {
    return (await this.asked(arn, signal)).status;
  }

  async definition(arn: TaskDefinitionArn, signal: AbortSignal): Promise<ResolvedTaskDefinition> {
    const { definition } = await this.asked(arn, signal);
    if (definition instanceof EcsReadError) throw definition;
    return definition;
  }

  forget(arn: TaskDefinitionArn): void {
    this.known.delete(arn);
  }

  private async asked(arn: TaskDefinitionArn, signal: AbortSignal): Promise<Known> {
    try {
      return await orAborted(this.shared(arn), signal);
    } catch (error) {
      throw error instanceof EcsReadError ? error : new EcsReadError(ABORTED);
    }
  }

  private shared(arn: TaskDefinitionArn): Promise<Known> {
    const kept = this.known.get(arn);
    if (kept !== undefined && this.now() < kept.until) return kept.answer;
    const answer = this.ask(arn);
    const entry = { answer, until: after(this.now(), REMEMBERED_MS) };
    this.known.delete(arn);
    this.known.set(arn, entry);
    // A failure is nobody's knowledge: the next caller asks again.
    answer.catch(() => {
      if (this.known.get(arn) === entry) this.known.delete(arn);
    });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MOST_REMEMBERED) break;
      this.known.delete(oldest);
    }
    return answer;
  }

  private async ask(arn: TaskDefinitionArn): Promise<Known> {
    const bound = bounded(new AbortController().signal, SHARED_CALL_MS);
    try {
      const definition = await describeTaskDefinition(this.client, arn, { priority: 'repair', signal: bound.signal });
      return { status: isActive(definition) ? 'ACTIVE' : 'INACTIVE', definition: resolved(definition) };
    } catch (error) {
      // ECS no longer describes one that was deleted.
      if (error instanceof ReadFailure && error.notFound) return { status: 'INACTIVE', definition: error };
      throw error;
    } finally {
      bound.release();
    }
  }
}

/** INACTIVE and DELETE_IN_PROGRESS cannot be launched. */
export const isActive = ({ status }: TaskDefinition): boolean => status === 'ACTIVE';

export const resolved = (definition: TaskDefinition & { readonly arn: TaskDefinitionArn }): ResolvedTaskDefinition => ({
  arn: definition.arn,
  networkMode: definition.networkMode ?? null,
  healthCheck: hasHealthCheck(definition),
  needs: taskNeedsOf(definition),
});

export async function describeTaskDefinition(
  client: Pick<AwsClient, 'read'>,
  familyOrArn: string,
  bounds: ReadBounds,
): Promise<TaskDefinition & { readonly arn: TaskDefinitionArn }> {
  const { taskDefinition } = await client.read(
    new DescribeTaskDefinitionCommand({ taskDefinition: familyOrArn }),
    bounds,
  );
  const arn = taskDefinition?.taskDefinitionArn;
  if (taskDefinition === undefined || arn === undefined) {
    throw new EcsReadError({ code: 'UnreadableAnswer', message: 'ECS left out taskDefinitionArn' });
  }
  return { ...taskDefinition, arn: as<TaskDefinitionArn>(arn) };
}
