/** Alarms of Amazon CloudWatch. The only file that knows the SDK's client of it. */
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { bounded, orAborted } from '../concurrency/bounded.ts';
import { SharedQuestion } from '../concurrency/shared-question.ts';
import type { AlarmState } from '../domain/facts.ts';
import type { Instant } from '../domain/ids.ts';
import type { Fault } from '../domain/plan.ts';
import { AlarmsUnavailableError, type AlarmSource } from './alarms.ts';

export interface CloudWatchSettings {
  /** Each of these is the SDK's own setting (environment, profile) when left out; of the endpoint: AWS_ENDPOINT_URL_CLOUDWATCH. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Longest that asking may take in all. */
  readonly timeoutMs?: number;
}

/** A turn waits for it, and a page of alarms takes CloudWatch well under a second. */
const TIMEOUT_MS = 5_000;
/** One attempt, so that another fits in. */
const ATTEMPT_TIMEOUT_MS = 2_000;
/** Asking changes nothing, so it may be repeated. */
const ATTEMPTS = 3;
/** An alarm looks at minutes, so seconds more do no harm; and CloudWatch takes 9 such calls a second of an account. */
const REMEMBERED_MS = 10_000;
/** While CloudWatch is away, turns must not line up to find it so. */
const FAILURE_REMEMBERED_MS = 1_000;
/** A name is asked for along with the others until nobody wanted it for this long: some sweeps, which wake every environment. */
const WANTED_MS = 120_000;
/** CloudWatch API reference, DescribeAlarms: names of a call and alarms of a page. */
const MOST_PER_CALL = 100;
/** Names that an alarm can have. One that cannot be would make CloudWatch refuse the whole call, with everybody's names. */
const POSSIBLE_NAME = /^[^\p{Cc}]{1,255}$/u;

const NOT_ASKED: Fault = { code: 'NotAsked', message: 'the clock jumped before CloudWatch was asked' };

type States = ReadonlyMap<string, AlarmState>;

export class CloudWatchAlarms implements AlarmSource {
  private readonly settings: CloudWatchSettings;
  private readonly now: () => Instant;
  private readonly question = new SharedQuestion(() => this.ask());
  /** When each name was last wanted. */
  private readonly wanted = new Map<string, Instant>();
  private client: CloudWatchClient | null = null;
  private answer: { readonly states: States; readonly at: Instant } | null = null;
  private failure: { readonly error: AlarmsUnavailableError; readonly at: Instant } | null = null;

  constructor({ settings, now }: { readonly settings: CloudWatchSettings; readonly now: () => Instant }) {
    this.settings = settings;
    this.now = now;
  }

  async states(names: readonly string[], signal: AbortSignal): Promise<States> {
    const now = this.now();
    const possible = names.filter((name) => POSSIBLE_NAME.test(name));
    for (const name of possible) this.wanted.set(name, now);
    const states = this.remembered(possible) ?? (await this.asked(signal));
    // The clock may have jumped in between, so that a name looked like long forgotten. Not asked for is not MISSING.
    if (!possible.every((name) => states.has(name))) throw new AlarmsUnavailableError(NOT_ASKED);
    return new Map(names.map((name) => [name, states.get(name) ?? 'MISSING']));
  }

  /** Drops kept connections; questions under way end with an error. */
  close(): void {
    this.client?.destroy();
  }

  private remembered(names: readonly string[]): States | null {
    if (names.length === 0) return new Map();
    if (this.answer === null || !this.within(REMEMBERED_MS, this.answer.at)) return null;
    const { states } = this.answer;
    return names.every((name) => states.has(name)) ? states : null;
  }

  private async asked(signal: AbortSignal): Promise<States> {
    if (this.failure !== null && this.within(FAILURE_REMEMBERED_MS, this.failure.at)) throw this.failure.error;
    const bound = bounded(signal, this.settings.timeoutMs ?? TIMEOUT_MS);
    try {
      return await orAborted(this.question.ask(), bound.signal);
    } catch (error) {
      throw unavailable(error);
    } finally {
      bound.release();
    }
  }

  /** For everybody's names at once: up to a hundred cost no more than one. */
  private async ask(): Promise<States> {
    const at = this.now();
    for (const [name, wantedAt] of this.wanted) if (!this.within(WANTED_MS, wantedAt)) this.wanted.delete(name);
    const names = [...this.wanted.keys()];
    const bound = bounded(new AbortController().signal, this.settings.timeoutMs ?? TIMEOUT_MS);
    try {
      const states = new Map<string, AlarmState>(names.map((name) => [name, 'MISSING']));
      for (let from = 0; from < names.length; from += MOST_PER_CALL) {
        const batch = names.slice(from, from + MOST_PER_CALL);
        for await (const [name, state] of this.described(batch, bound.signal)) states.set(name, state);
      }
      this.answer = { states, at };
      return states;
    } catch (error) {
      this.failure = { error: unavailable(error), at: this.now() };
      throw this.failure.error;
    } finally {
      bound.release();
    }
  }

  private async *described(
    names: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly [string, AlarmState]> {
    this.client ??= clientOf(this.settings);
    let NextToken: string | undefined;
    do {
      const command = new DescribeAlarmsCommand({
        AlarmNames: [...names],
        // Said, because without it CloudWatch tells of metric alarms alone.
        AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
        MaxRecords: MOST_PER_CALL,
        NextToken,
      });
      // The race: credentials come before the request and know no signal.
      const page = await orAborted(this.client.send(command, { abortSignal: signal }), signal);
      for (const { AlarmName: name = '', StateValue: state } of [
        ...(page.MetricAlarms ?? []),
        ...(page.CompositeAlarms ?? []),
      ]) {
        if (state !== 'OK' && state !== 'ALARM' && state !== 'INSUFFICIENT_DATA') {
          const message = `CloudWatch called the state of ${name} ${state ?? 'nothing'}`;
          throw new AlarmsUnavailableError({ code: 'UnreadableAnswer', message });
        }
        yield [name, state];
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined && NextToken !== '');
  }

  /** A clock that stepped back makes things old rather than young for ever. */
  private within(ms: number, since: Instant): boolean {
    const age = this.now() - since;
    return age >= 0 && age < ms;
  }
}

function clientOf({ endpoint, region, credentials }: CloudWatchSettings): CloudWatchClient {
  return new CloudWatchClient({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    // Said although it is the default: by AWS_RETRY_MODE the adaptive one would hold requests back.
    retryMode: 'standard',
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: ATTEMPT_TIMEOUT_MS,
      requestTimeout: ATTEMPT_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      // The one above ends with the headers; this one also sees a body that stalls.
      socketTimeout: ATTEMPT_TIMEOUT_MS,
    },
  });
}

const unavailable = (error: unknown): AlarmsUnavailableError =>
  error instanceof AlarmsUnavailableError ? error : new AlarmsUnavailableError(faultOf(error));

/** Our own reason, the system's error code, or CloudWatch's error name. */
function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { code: 'Error', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return { code, message: error.message === '' ? code : error.message };
}
