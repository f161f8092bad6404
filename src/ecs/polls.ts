/**
 * Polls: looks at tasks that are expected to go on by themselves. What they tell a survey tells too, only later.
 * P1. They do not grow with environments: those of one cluster go together, a hundred tasks a call.
 * P2. They starve nobody, and nobody starves them. They stand in line with the surveys, each in its turn: a survey brings the
 *     same news, but that of a large cluster may take minutes, and a rollout goes on by polls. One call of a cluster and
 *     process is under way at a time, but for hundreds of tasks, and a survey has as many.
 * P3. Nobody waits for them for long, as a worker takes so many turns at once and no more: a task that there is no token for is
 *     left out. So is one that ECS did not answer for.
 */
import pMap from 'p-map';
import { bounded, orWhenAborted } from '../concurrency/bounded.ts';
import { GatheredQuestions } from '../concurrency/gathered-questions.ts';
import type { Task } from '../domain/facts.ts';
import type { ClusterArn, TaskArn } from '../domain/ids.ts';
import type { ReadBounds } from './aws-client.ts';
import { batches, CALLS_AT_ONCE, describeTasks, type Described, type EcsReader } from './describe.ts';
import { EcsReadError } from './gateway.ts';

/** Least time between the beginnings of two rounds of a cluster. A rollout goes on by polls, and ECS takes about as long to answer one. */
const ROUND_EVERY_MS = 100;
/** Longest wait for a token: ten come in that time at ECS's rate of 20 a second, two for each call that a survey has under way. */
const TOKEN_WITHIN_MS = 500;
/** Longest a round may take: a page of 100 descriptions takes ECS well under a second, and twenty of them go four at a time. */
const ROUND_WITHIN_MS = 3_000;

const NOTHING: Described<TaskArn, Task> = new Map();

export class Polls {
  private readonly rounds: GatheredQuestions<ClusterArn, TaskArn, Task | 'MISSING'>;

  constructor(client: EcsReader) {
    this.rounds = new GatheredQuestions((cluster, tasks) => round(client, cluster, tasks), ROUND_EVERY_MS);
  }

  /** Answers are newer than the question. Those to others who asked at the same time are not among them. */
  async ask(cluster: ClusterArn, tasks: readonly TaskArn[], signal: AbortSignal): Promise<Described<TaskArn, Task>> {
    const answers = await orWhenAborted(this.rounds.ask(cluster, tasks), signal, NOTHING);
    const asked = new Map<TaskArn, Task | 'MISSING'>();
    for (const arn of tasks) {
      const answer = answers.get(arn);
      if (answer !== undefined) asked.set(arn, answer);
    }
    return asked;
  }
}

/** It belongs to nobody in particular, so its own bounds are the only ones. */
async function round(
  client: EcsReader,
  cluster: ClusterArn,
  tasks: readonly TaskArn[],
): Promise<Described<TaskArn, Task>> {
  const bound = bounded(new AbortController().signal, ROUND_WITHIN_MS);
  const bounds: ReadBounds = { priority: 'rollout', signal: bound.signal, tokenWithinMs: TOKEN_WITHIN_MS };
  const poll = async (batch: readonly TaskArn[]): Promise<Described<TaskArn, Task>> => {
    try {
      return await describeTasks(client, cluster, batch, bounds);
    } catch (error) {
      if (!(error instanceof EcsReadError)) throw error;
      return NOTHING;
    }
  };
  try {
    const answers = await pMap(batches(tasks), poll, { concurrency: CALLS_AT_ONCE });
    return new Map(answers.flatMap((answer) => [...answer]));
  } finally {
    bound.release();
  }
}
