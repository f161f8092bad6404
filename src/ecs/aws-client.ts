/**
 * The two SDK clients. One changes things: one attempt, its own handler, a deadline. One reads: the SDK's retries, each
 * attempt paid for from the budget.
 */
import { ECSClient } from '@aws-sdk/client-ecs';
import type { $Command, ECSClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-ecs';
import { after, type Instant } from '../domain/ids.ts';
import type { Priority } from '../domain/plan.ts';
import { ABORTED, CallEndedError, bounded, orAborted } from '../concurrency/bounded.ts';
import type { Budget } from './budget.ts';
import { BUCKET_OF } from './buckets.ts';
import type { Bucket } from './buckets.ts';
import { ClockOffset } from './clock-offset.ts';
import type { Ending } from './outcomes.ts';
import { isThrottle } from './outcomes.ts';
import { ReadFailure } from './read-failure.ts';
import type { SendOptions } from './send-once.ts';
import { SendOnceHandler } from './send-once.ts';
import { wireError } from './wire-errors.ts';

export interface AwsSettings {
  /** Each of these is the SDK's own setting (environment, profile) when left out. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Longest a call that changes something may take in all, from the moment it has its token. */
  readonly requestTimeoutMs: number;
  readonly connectionTimeoutMs?: number;
  /** Longest one attempt of a read may be without an answer. */
  readonly readTimeoutMs?: number;
}

/** A TLS connection across an ocean takes less than one second; three tell a lost packet from a lost host. */
const CONNECTION_TIMEOUT_MS = 3_000;
/** A full page of 100 descriptions takes ECS well under a second. */
const READ_TIMEOUT_MS = 5_000;
/** Reads may be repeated at will; whoever asked comes again anyway. */
const READ_ATTEMPTS = 3;
const MOST_SOCKETS = 50;

export const TOO_LATE = { code: 'TooLate', message: 'no budget token came in time' } as const;

export type Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<
  Input,
  Output,
  ECSClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

export interface ReadBounds {
  readonly priority: Priority;
  readonly signal: AbortSignal;
  /** Longest an attempt may wait for its token; left out: as long as it takes. */
  readonly tokenWithinMs?: number;
  /** Counts the requests made, those repeated by the SDK too. */
  readonly meter?: { reads: number };
}

export class AwsClient {
  readonly offset = new ClockOffset();
  private readonly budget: Budget;
  private readonly now: () => Instant;
  private readonly requestTimeoutMs: number;
  private readonly writer: ECSClient;
  private readonly reader: ECSClient;

  constructor({
    settings,
    budget,
    now,
  }: {
    readonly settings: AwsSettings;
    readonly budget: Budget;
    readonly now: () => Instant;
  }) {
    const { endpoint, region, credentials } = settings;
    const connectionTimeoutMs = settings.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS;
    const readTimeoutMs = settings.readTimeoutMs ?? READ_TIMEOUT_MS;
    const common = {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(credentials === undefined ? {} : { credentials }),
    };
    this.budget = budget;
    this.now = now;
    this.requestTimeoutMs = settings.requestTimeoutMs;
    this.writer = new ECSClient({
      ...common,
      // Said although it never retries: by AWS_RETRY_MODE the adaptive one would hold requests back.
      retryMode: 'standard',
      maxAttempts: 1,
      requestHandler: new SendOnceHandler({ now, connectionTimeoutMs }),
    });
    this.reader = new ECSClient({
      ...common,
      retryMode: 'standard',
      maxAttempts: READ_ATTEMPTS,
      requestHandler: {
        connectionTimeout: connectionTimeoutMs,
        requestTimeout: readTimeoutMs,
        throwOnRequestTimeout: true,
        // The one above ends with the headers; this one also sees a body that stalls.
        socketTimeout: readTimeoutMs,
        httpAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
        httpsAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
      },
    });
    for (const client of [this.writer, this.reader]) {
      // It copies every answer through the schema to log it, also when nobody logs: a tenth of a large cover's time.
      client.middlewareStack.remove('loggerMiddleware');
      this.reportThrottles(client);
    }
    this.watchTheDate(this.reader);
  }

  /** Sends once, within the deadline, not after `notAfter`. Does not throw. */
  async sendOnce<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: Command<Input, Output>,
    { notAfter, signal }: { readonly notAfter: Instant; readonly signal: AbortSignal },
  ): Promise<Ending<Output>> {
    const bound = bounded(signal, this.requestTimeoutMs);
    const record = { sent: false };
    const options: SendOptions = { abortSignal: bound.signal, notAfter, record };
    try {
      // The race: credentials and signing come before the handler and know no signal. Once aborted, the handler sends nothing.
      const output = await orAborted(this.writer.send(command, options), bound.signal);
      return { kind: 'answer', output };
    } catch (error) {
      return { kind: 'error', sent: record.sent, error: wireError(error) };
    } finally {
      bound.release();
    }
  }

  /** Every attempt waits for its token, for as long as its bounds let it. Throws ReadFailure, and nothing else. */
  async read<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: Command<Input, Output>,
    { priority, signal, tokenWithinMs, meter }: ReadBounds,
  ): Promise<Output> {
    const bound = bounded(signal, null);
    command.middlewareStack.add(
      (next, context) => async (args) => {
        const bucket = bucketOf(context.commandName);
        const notAfter = tokenWithinMs === undefined ? null : after(this.now(), tokenWithinMs);
        const taken = await this.budget.take(bucket, priority, { notAfter, signal: bound.signal });
        if (taken === 'late') throw new CallEndedError(TOO_LATE.code, TOO_LATE.message);
        if (taken === 'aborted') throw new CallEndedError(ABORTED.code, ABORTED.message);
        if (meter !== undefined) meter.reads += 1;
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'budget' },
    );
    try {
      return await orAborted(this.reader.send(command, { abortSignal: bound.signal }), bound.signal);
    } catch (error) {
      throw new ReadFailure(error);
    } finally {
      bound.release();
    }
  }

  close(): void {
    this.writer.destroy();
    this.reader.destroy();
  }

  private reportThrottles(client: ECSClient): void {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (isThrottle(wireError(error))) this.budget.throttled(bucketOf(context.commandName));
          throw error;
        }
      },
      { step: 'finalizeRequest', priority: 'low', name: 'reportThrottles' },
    );
  }

  private watchTheDate(client: ECSClient): void {
    client.middlewareStack.add(
      (next) => async (args) => {
        const sentAt = this.now();
        const result = await next(args);
        this.offset.observe(sentAt, this.now(), dateOf(result.response));
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'watchTheDate' },
    );
  }
}

function bucketOf(command: string | undefined): Bucket {
  const bucket = BUCKET_OF[command ?? ''];
  if (bucket === undefined) throw new Error(`no budget bucket for ${command ?? 'an unnamed command'}`);
  return bucket;
}

const dateOf = (response: unknown): string | undefined =>
  (response as { readonly headers?: Readonly<Record<string, string>> }).headers?.['date'];
