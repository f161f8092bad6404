/** What we rest on BullMQ for, seen on a real Redis. */
import { randomUUID } from 'node:crypto';
import { Queue, type Job } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import { as, type ClusterArn, type Instant } from '../../src/domain/ids.ts';
import { BullMailbox } from '../../src/workers/bull-mailbox.ts';
import { GuardedWorker, type GuardedWorkerOptions } from '../../src/workers/guarded-worker.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { closeQueue, producerOptions, SURVEY_QUEUE, timer, wakeUp, workerOptions } from '../../src/workers/queues.ts';
import { startRedis } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from '../system/stack.ts';

const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function queueOf(name: string): Queue {
  const queue = new Queue(name, producerOptions(redis));
  closers.push(() => queue.close());
  return queue;
}

function workerOf(
  queue: string,
  run: (job: Job<unknown>, signal: AbortSignal) => Promise<void>,
  more: Partial<GuardedWorkerOptions<unknown>> = {},
): GuardedWorker<unknown> {
  const worker = new GuardedWorker<unknown>({
    queue,
    redis,
    concurrency: 10,
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    random: () => 0.5,
    monotonic: () => performance.now(),
    run,
    ...more,
  });
  closers.push(() => worker.close());
  return worker;
}

test('a wake-up that comes while its environment is awake wakes it again, once, and never at the same time', async () => {
  const queue = queueOf('wake');
  const ran: string[] = [];
  let awake = 0;
  let most = 0;
  workerOf('wake', async (job) => {
    most = Math.max(most, (awake += 1));
    ran.push(job.name);
    if (ran.length === 1)
      for (const name of ['drift', 'instance-join', 'deploy']) await queue.add(name, {}, wakeUp('a'));
    awake -= 1;
  });
  await queue.add('sweep', {}, wakeUp('a'));
  await eventually(
    async () => ran.length,
    (runs) => runs === 2,
    'a second run',
  );
  await queue.add('timer', {}, wakeUp('a'));
  await eventually(
    async () => ran.length,
    (runs) => runs === 3,
    'a third run',
  );
  expect(ran).toEqual(['sweep', 'deploy', 'timer']);
  expect(most).toBe(1);
});

test('a timer set while the one before it goes off is not lost', async () => {
  const queue = queueOf('timers');
  const ran: number[] = [];
  workerOf('timers', async () => {
    ran.push(performance.now());
    if (ran.length === 1) await queue.add('timer', {}, timer('a', 300));
  });
  await queue.add('timer', {}, timer('a', 0));
  await eventually(
    async () => ran.length,
    (runs) => runs === 2,
    'the second timer',
  );
  expect((ran[1] ?? 0) - (ran[0] ?? 0)).toBeGreaterThan(250);
});

test('an earlier time replaces a later one', async () => {
  const queue = queueOf('timers-2');
  const ran: unknown[] = [];
  await queue.add('timer', 'late', timer('a', 60_000));
  await queue.add('timer', 'soon', timer('a', 10));
  workerOf('timers-2', async (job) => {
    ran.push(job.data);
  });
  await eventually(
    async () => ran.length,
    (runs) => runs > 0,
    'the timer',
  );
  expect(ran).toEqual(['soon']);
});

test('a job that fails comes again, and one that is cut off at shutdown is handed to another worker', async () => {
  const queue = queueOf('handover');
  const log: string[] = [];
  const first = workerOf('handover', async (_, signal) => {
    log.push('first');
    if (log.length === 1) throw new Error('not yet');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  });
  await queue.add('deploy', {}, wakeUp('a'));
  await eventually(
    async () => log.length,
    (runs) => runs === 2,
    'the job again after its failure',
  );
  await first.close();
  const metrics = createMetrics();
  const second = async (): Promise<void> => void log.push('second');
  workerOf('handover', second, { metrics });
  await eventually(
    async () => log.at(-1),
    (last) => last === 'second',
    'the job with another worker',
  );
  expect(log).toEqual(['first', 'first', 'second']);
  // Handed over, not found after its lock ran out.
  expect(await metrics.registry.metrics()).not.toContain('takeovers_total{queue="handover"}');
});

test('the job of a worker that dies is taken over within eight seconds: its lock, and two checks', () => {
  const { lockDuration = Infinity, stalledInterval = Infinity } = workerOptions(redis, 1, () => 0.5);
  expect(lockDuration + 2 * stalledInterval).toBeLessThan(8_000);
});

test('a survey that fails keeps its backoff, however often it is asked for meanwhile', async () => {
  const mailbox = new BullMailbox(redis, () => as<Instant>(Date.now()), pino({ level: 'silent' }));
  closers.push(() => mailbox.close());
  const attempts: number[] = [];
  workerOf(SURVEY_QUEUE, async (job) => {
    attempts.push(job.attemptsMade);
    throw new Error('ECS is away');
  });
  await eventually(
    async () => {
      await mailbox.requestSurvey(as<ClusterArn>('arn:aws:ecs:eu-west-1:123456789012:cluster/c'));
      return attempts.length;
    },
    (count) => count >= 4,
    'four attempts',
  );
  expect(attempts.slice(0, 4)).toEqual([0, 1, 2, 3]);
});

test('a failed job is counted by its queue', async () => {
  const metrics = createMetrics();
  const queue = queueOf('failing');
  let runs = 0;
  const run = async (): Promise<void> => {
    runs += 1;
    if (runs === 1) throw new Error('once');
  };
  workerOf('failing', run, { metrics });
  await queue.add('deploy', {}, wakeUp('a'));
  await eventually(
    async () => runs,
    (count) => count === 2,
    'the job again',
  );
  expect(await metrics.registry.metrics()).toContain('daemon_scheduler_job_failures_total{queue="failing"} 1');
});

test('a job whose lock is not renewed is cancelled, and told of once', async () => {
  const lines: string[] = [];
  let [looks, aborted] = [0, false];
  const run = async (_: Job<unknown>, signal: AbortSignal): Promise<void> => {
    signal.addEventListener('abort', () => (aborted = true), { once: true });
    await new Promise<void>((resolve) => closers.unshift(async () => resolve()));
  };
  workerOf('overdue', run, {
    log: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
    // Each look at this clock is hours after the one before: everything is overdue.
    monotonic: () => (looks += 1) * 10_000_000,
  });
  await queueOf('overdue').add('deploy', {}, wakeUp('a'));
  await eventually(
    async () => aborted,
    (yes) => yes,
    'the job cancelled',
  );
  const then = looks;
  await eventually(
    async () => looks,
    (now) => now >= then + 3,
    'three more checks',
  );
  expect(lines.filter((line) => line.includes('job cancelled'))).toHaveLength(1);
});

test('closing ends also while Redis is away', async () => {
  const server = await startRedis();
  const gone = { url: server.url, prefix: redis.prefix };
  const worker = new GuardedWorker<unknown>({
    queue: 'gone',
    redis: gone,
    concurrency: 1,
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    random: () => 0.5,
    monotonic: () => performance.now(),
    run: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  });
  const queue = new Queue('gone', producerOptions(gone));
  queue.on('error', () => undefined);
  await queue.add('deploy', {}, wakeUp('a'));
  await eventually(
    async () => (await queue.getActive()).length,
    (active) => active === 1,
    'the job under way',
  );
  await server.kill();
  await worker.close();
  await closeQueue(queue);
  await server.stop();
});

test('a connection to Redis that goes dead without a sign is given up, by who works and by who asks', async () => {
  const proxy = await startTcpProxy({ port: Number(new URL(redis.url).port) });
  const behind = { url: `redis://127.0.0.1:${proxy.port}`, prefix: redis.prefix };
  let ran = 0;
  const run = async (): Promise<void> => void (ran += 1);
  workerOf('silent', run, { redis: behind });
  const asking = new Queue('silent', producerOptions(behind));
  closers.push(() => closeQueue(asking));
  closers.push(() => proxy.close());
  await asking.add('deploy', {}, wakeUp('a'));
  const runs = async (): Promise<number> => ran;
  await eventually(runs, (count) => count === 1, 'a job before');

  expect(proxy.freezeOpen()).toBeGreaterThan(1);
  await queueOf('silent').add('deploy', {}, wakeUp('b'));
  await eventually(runs, (count) => count === 2, 'a job of somebody else, on a new connection');
  const added = (): Promise<boolean> =>
    asking.add('deploy', {}, wakeUp('c')).then(
      () => true,
      () => false,
    );
  await eventually(added, (yes) => yes, 'a job added on a new connection');
  await eventually(runs, (count) => count >= 3, 'that job');
});
