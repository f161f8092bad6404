/** The way to ECS: one call to the model and back, with everything that may go wrong on it. */
import { ECSServiceException } from '@aws-sdk/client-ecs';
import type { Instant } from '../src/domain/ids.ts';
import { CallEndedError } from '../src/concurrency/bounded.ts';
import type { EcsReader } from '../src/ecs/describe.ts';
import { ClockOffset } from '../src/ecs/clock-offset.ts';
import type { Ending } from '../src/ecs/outcomes.ts';
import { ReadFailure } from '../src/ecs/read-failure.ts';
import { wireError } from '../src/ecs/wire-errors.ts';
import type { EcsAnswer, EcsError } from '../sim/model/answer.ts';
import type { EcsModel } from '../sim/model/model.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import { latency } from './latency.ts';
import { EPOCH, type Process } from './process.ts';
import { POLICY } from './scale.ts';
import type { Timeline } from './timeline.ts';
import type { Turn } from './rollout-witness.ts';
import type { Witness } from './witness.ts';

export interface EcsNetwork {
  readonly model: EcsModel;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
  readonly witness: Witness;
  /** Up to which moment reads of each kind have seen tasks. */
  readonly horizons: Map<string, number>;
}

export interface Call {
  readonly turn: Turn;
  readonly operation: 'RunTask' | 'StartTask' | 'StopTask';
  readonly body: object;
  readonly notAfter: Instant;
  readonly signal: AbortSignal;
}

/** What becomes of a call between its sending and its reply. */
interface Fate {
  /** Milliseconds until it arrives; null: never. */
  readonly arrives: number | null;
  /** Milliseconds from then to its reply; null: never. */
  readonly replies: number | null;
  readonly refusal: EcsError | null;
  /** Said instead of the true answer of a call that was carried out. */
  readonly disguise: EcsError | null;
}

export class EcsClient {
  readonly offset = new ClockOffset();
  private readonly process: Process;
  private readonly network: EcsNetwork;

  constructor(process: Process, network: EcsNetwork) {
    this.process = process;
    this.network = network;
  }

  /** Sends once. Nothing lies between the look at the clock and the send; what the network does with it comes after. */
  sendOnce<Output>({ turn, operation, body, notAfter, signal }: Call): Promise<Ending<Output>> {
    const { process, network } = this;
    return new Promise((resolve) => {
      let sent = false;
      let ended = false;
      const end = (ending: Ending<Output>): void => {
        ended = true;
        if (sent) network.witness.ended(body);
        signal.removeEventListener('abort', abort);
        resolve(ending);
      };
      const fail = (error: unknown): void => end({ kind: 'error', sent, error: wireError(error) });
      const abort = (): void => fail(new CallEndedError('Aborted', 'the caller gave up'));
      process.leave(operation, () => {
        if (signal.aborted) return abort();
        if (process.now() > notAfter) return fail(new CallEndedError('RequestTimeout', 'too late to send'));
        sent = true;
        network.witness.sent(process, turn, operation, body);
        const fate = this.fateOf(operation, body);
        signal.addEventListener('abort', abort);
        if (
          fate.arrives === null ||
          fate.replies === null ||
          fate.arrives + fate.replies > POLICY.requestTimeoutMs / 2
        ) {
          process.after(POLICY.requestTimeoutMs, `${operation}: timeout`, () => {
            if (!ended) fail(new CallEndedError('RequestTimeout', 'no answer in time'));
          });
        }
        if (fate.arrives === null) return;
        network.timeline.after(fate.arrives, `${operation} of ${process.name} arrives`, () => {
          const answer = this.carriedOut(operation, body, fate);
          if (fate.replies === null) return;
          process.after(fate.replies, `${operation}: reply`, () => {
            if (ended) return;
            if (answer.kind === 'ok') end({ kind: 'answer', output: answer.body as Output });
            else fail(exceptionOf(answer));
          });
        });
        if (network.faults.strikes('killed after a call')) process.kill();
      });
    });
  }

  /** One read, as the listing code asks for it. */
  readonly read = (async (
    command: { readonly input: object; readonly constructor: { readonly name: string } },
    bounds: { readonly signal: AbortSignal; readonly meter?: { reads: number } },
  ): Promise<unknown> => {
    const operation = command.constructor.name.replace(/Command$/, '');
    if (bounds.meter !== undefined) bounds.meter.reads += 1;
    const answer = await this.ask(operation, command.input);
    if (bounds.signal.aborted) throw new ReadFailure(new CallEndedError('Aborted', 'the caller gave up'));
    if (answer.kind === 'error') throw new ReadFailure(exceptionOf(answer));
    return dated(answer.body);
  }) as unknown as EcsReader['read'];

  private async ask(operation: string, input: object): Promise<EcsAnswer> {
    const { model, timeline, faults, chance } = this.network;
    const failed = faults.strikes('read failed');
    const trip = { what: operation, there: latency(chance, 'ecs'), back: latency(chance, 'ecs') };
    return await this.process.exchange(trip, () =>
      failed
        ? error('ServerException', 500)
        : model.apply(
            EPOCH + timeline.now,
            { operation, body: input },
            { kind: 'list-lag', ms: this.lagOf(operation) },
          ),
    );
  }

  /** How old the newest task is that a read sees. What reads of a kind have seen they do not lose again. */
  private lagOf(operation: string): number {
    const { timeline, faults, horizons } = this.network;
    const lag = faults.strikes('read lags') ? faults.chanceOf('read lags').extreme(0, POLICY.visibilityMs) : 0;
    const horizon = Math.max(horizons.get(operation) ?? -Infinity, timeline.now - lag);
    horizons.set(operation, horizon);
    return timeline.now - horizon;
  }

  private carriedOut(operation: string, body: object, { refusal, disguise }: Fate): EcsAnswer {
    const { model, timeline, witness } = this.network;
    if (refusal !== null) return refusal;
    witness.arrives(operation, body);
    const answer = model.apply(EPOCH + timeline.now, { operation, body });
    witness.carriedOut(operation, body, answer);
    return disguise ?? answer;
  }

  private fateOf(operation: string, body: object): Fate {
    const { faults, chance, witness } = this.network;
    const arrives = latency(chance, 'ecs');
    const replies = latency(chance, 'ecs');
    const fate: Fate = { arrives, replies, refusal: null, disguise: null };
    if (faults.strikes('call lost')) return { ...fate, arrives: null };
    if (faults.strikes('reply lost')) return { ...fate, replies: null };
    if (faults.strikes('call late')) {
      const late = faults.chanceOf('call late').extreme(POLICY.requestTimeoutMs, POLICY.signatureMs);
      return { ...fate, arrives: late };
    }
    if (faults.strikes('reply slow')) {
      return { ...fate, replies: faults.chanceOf('reply slow').extreme(200, POLICY.requestTimeoutMs - arrives - 1) };
    }
    if (faults.strikes('error before')) return { ...fate, refusal: error('ServerException', 500) };
    if (faults.strikes('error after')) return { ...fate, disguise: error('ServerException', 500) };
    if (faults.strikes('throttled')) return { ...fate, refusal: error('ThrottlingException', 400) };
    if (faults.strikes('refused')) return { ...fate, refusal: error('ClientException', 400) };
    const bound = operation === 'RunTask' ? witness.tasksOf(body) : [];
    if (bound.length > 0 && faults.strikes('conflict')) {
      return { ...fate, disguise: { ...error('ConflictException', 400), resourceIds: bound } };
    }
    return fate;
  }
}

const error = (type: EcsError['type'] | 'ThrottlingException', status: 400 | 500): EcsError => ({
  kind: 'error',
  status,
  type,
  message: 'simulated',
});

function exceptionOf({ type, status, message, resourceIds }: EcsError): ECSServiceException {
  const exception = new ECSServiceException({
    name: type,
    message,
    $fault: status === 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status, attempts: 1 },
  });
  return resourceIds === undefined ? exception : Object.assign(exception, { resourceIds });
}

const DATES = ['createdAt', 'registeredAt'] as const;

/** The SDK gives dates where the wire has seconds. The answer is this read's own, so it is changed in place. */
function dated(body: object): object {
  const { tasks, containerInstances } = body as { readonly [list: string]: readonly unknown[] | undefined };
  for (const item of tasks ?? containerInstances ?? []) {
    if (typeof item !== 'object' || item === null) continue;
    for (const name of DATES) {
      const seconds: unknown = Reflect.get(item, name);
      if (typeof seconds === 'number') Reflect.set(item, name, new Date(Math.round(seconds * 1_000)));
    }
  }
  return body;
}
