import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import { after, as } from '../domain/ids.ts';
import type { Instant, TaskDefinitionArn } from '../domain/ids.ts';
import type { AwsClient, ReadBounds } from './aws-client.ts';
import { ABORTED, bounded, orAborted } from '../concurrency/bounded.ts';
import { EcsReadError } from './gateway.ts';
import { ReadFailure } from './read-failure.ts';

type Status = 'ACTIVE' | 'INACTIVE';

/** A definition is rarely deregistered, and a launch of one that just was fails at ECS anyway. */
const REMEMBERED_MS = 30_000;
/** One entry per environment, in effect. */
const MOST_REMEMBERED = 1_000;
/** The shared call outlives a caller that gives up, but not by much. */
const SHARED_CALL_MS = 30_000;

/** Whether task definitions are still ACTIVE, remembered for a while; callers at the same time share one call. */
export class TaskDefinitions {
  private readonly client: AwsClient;
  private readonly now: () => Instant;
  private readonly known = new Map<TaskDefinitionArn, { readonly status: Promise<Status>; readonly until: Instant }>();

  constructor({ client, now }: { readonly client: AwsClient; readonly now: () => Instant }) {
    this.client = client;
    this.now = now;
  }

  async status(arn: TaskDefinitionArn, signal: AbortSignal): Promise<Status> {
    try {
      return await orAborted(this.shared(arn), signal);
    } catch (error) {
      throw error instanceof EcsReadError ? error : new EcsReadError(ABORTED);
    }
  }

  forget(arn: TaskDefinitionArn): void {
    this.known.delete(arn);
  }

  private shared(arn: TaskDefinitionArn): Promise<Status> {
    const kept = this.known.get(arn);
    if (kept !== undefined && this.now() < kept.until) return kept.status;
    const status = this.ask(arn);
    const entry = { status, until: after(this.now(), REMEMBERED_MS) };
    this.known.delete(arn);
    this.known.set(arn, entry);
    // A failure is nobody's knowledge: the next caller asks again.
    status.catch(() => {
      if (this.known.get(arn) === entry) this.known.delete(arn);
    });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MOST_REMEMBERED) break;
      this.known.delete(oldest);
    }
    return status;
  }

  private async ask(arn: TaskDefinitionArn): Promise<Status> {
    const bound = bounded(new AbortController().signal, SHARED_CALL_MS);
    try {
      const definition = await describeTaskDefinition(this.client, arn, { priority: 'repair', signal: bound.signal });
      return isActive(definition) ? 'ACTIVE' : 'INACTIVE';
    } catch (error) {
      // ECS no longer describes one that was deleted.
      if (error instanceof ReadFailure && error.notFound) return 'INACTIVE';
      throw error;
    } finally {
      bound.release();
    }
  }
}

/** INACTIVE and DELETE_IN_PROGRESS cannot be launched. */
export const isActive = ({ status }: TaskDefinition): boolean => status === 'ACTIVE';

export async function describeTaskDefinition(
  client: AwsClient,
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
