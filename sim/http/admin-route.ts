import { z } from 'zod';

import type { FaultRequest } from '../model/faults.ts';
import { OPERATIONS } from '../model/operations.ts';
import { HOSTS_MAX } from '../options.ts';
import type { SimulatorSides } from './sides.ts';

/** The admin side under `/_sim`: what tests and demos do to the simulated world, and the ledger. */

export interface AdminRequest {
  readonly method: string;
  /** Below `/_sim`, for example `/hosts`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: object;
}

const FAULT_MS_MAX = 600_000;

const hostsSchema = z.strictObject({
  count: z.int().min(1).max(HOSTS_MAX).default(1),
  cluster: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,255}$/)
    .default('default'),
  attributes: z.record(z.string(), z.string()).default({}),
  external: z.boolean().default(false),
});
const agentSchema = z.strictObject({ connected: z.boolean() });
const exitSchema = z.strictObject({
  exitCode: z.int().default(1),
  reason: z.string().default('Essential container in task exited'),
});
const alarmSchema = z.strictObject({
  name: z.string().min(1).max(255),
  state: z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']),
  type: z.enum(['MetricAlarm', 'CompositeAlarm']).default('MetricAlarm'),
});
const bucketsSchema = z.strictObject({ enabled: z.boolean() });
const probability = z.number().min(0).max(1);
const mixSchema = z
  .strictObject({ duplicates: probability, reordering: probability, loss: probability, delayMs: z.int().min(0) })
  .partial();

const faultFields = {
  operation: z
    .string()
    .refine((name) => name === '*' || OPERATIONS.has(name), 'must be an operation of the simulator or *'),
  times: z.int().min(1).nullable().default(null),
};
const when = z.enum(['before-commit', 'after-commit']).default('before-commit');
const ms = z.int().min(0).max(FAULT_MS_MAX);
const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...faultFields, kind: z.literal('drop-reply-after-commit') }),
  z.strictObject({ ...faultFields, kind: z.literal('truncate-reply-after-commit') }),
  z.strictObject({ ...faultFields, kind: z.literal('delay'), ms, when }),
  z.strictObject({ ...faultFields, kind: z.literal('error-500'), when }),
  z.strictObject({ ...faultFields, kind: z.literal('throttle') }),
  z.strictObject({ ...faultFields, kind: z.literal('list-lag'), ms }),
  z.strictObject({ ...faultFields, kind: z.literal('hang'), when }),
]);
const faultsSchema = z.union([z.array(faultSchema).min(1), faultSchema.transform((fault) => [fault])]);

export function answerAdmin({ model, events }: SimulatorSides, now: number, request: AdminRequest): AdminAnswer {
  const [noun = '', rawId, action, ...rest] = request.path.split('/').slice(1);
  const id = rawId === undefined ? undefined : decodeId(rawId);
  if (rest.length > 0 || id === null) return notFound();
  switch (`${request.method} ${noun}${id === undefined ? '' : '/:id'}${action === undefined ? '' : `/${action}`}`) {
    case 'GET health':
      return { status: 200, body: { status: 'ok', now } };
    case 'GET ledger':
      return { status: 200, body: model.ledger(now) };
    case 'GET hosts':
      return { status: 200, body: { hosts: model.hosts(now, request.query.get('cluster') ?? undefined) } };
    case 'POST hosts':
      return withBody(hostsSchema, request, (body) => ({ status: 200, body: { hosts: model.addHosts(now, body) } }));
    case 'DELETE hosts/:id':
      return found(model.removeHost(now, id ?? ''), 'host', id);
    case 'POST hosts/:id/agent':
      return withBody(agentSchema, request, ({ connected }) =>
        found(model.setAgentConnected(now, id ?? '', connected), 'host', id),
      );
    case 'POST tasks/:id/exit':
      return withBody(exitSchema, request, (exit) => {
        const outcome = model.exitTask(now, id ?? '', exit);
        return outcome === 'stopped before'
          ? refuse(`Task ${id} is stopped.`)
          : found(outcome === 'exited', 'task', id);
      });
    case 'GET faults':
      return { status: 200, body: { faults: model.faults.list() } };
    case 'POST faults':
      return withBody(faultsSchema, request, (faults) => ({
        status: 200,
        body: { faults: faults.map((fault) => model.faults.add(faultRequest(fault))) },
      }));
    case 'DELETE faults':
      model.faults.clear();
      return { status: 200, body: {} };
    case 'GET events':
      return { status: 200, body: eventsReport(events) };
    case 'POST events':
      return withBody(mixSchema, request, (mix) => {
        if (events === null) return refuse('Start the simulator with --events=on.');
        events.delivery.mix = { ...events.delivery.mix, ...withoutUndefined(mix) };
        return { status: 200, body: eventsReport(events) };
      });
    case 'POST alarms':
      return withBody(alarmSchema, request, (alarm) => ({ status: 200, body: model.alarms.set(now, alarm) }));
    case 'POST buckets':
      return withBody(bucketsSchema, request, ({ enabled }) => {
        model.setThrottling(enabled);
        return { status: 200, body: { enabled } };
      });
    default:
      return notFound();
  }
}

function eventsReport(events: SimulatorSides['events']): object {
  if (events === null) return { enabled: false };
  const { delivery, queue, path } = events;
  return { enabled: true, mix: delivery.mix, counts: delivery.counts, queue: { path, ...queue.counts() } };
}

const withoutUndefined = <T extends object>(given: T): { readonly [Key in keyof T]?: Exclude<T[Key], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given & object;

function faultRequest({ operation, times, ...fault }: z.output<typeof faultSchema>): FaultRequest {
  return { operation, times, fault };
}

function withBody<T>(schema: z.ZodType<T>, request: AdminRequest, answer: (body: T) => AdminAnswer): AdminAnswer {
  let json: unknown;
  try {
    json = JSON.parse(request.body === '' ? '{}' : request.body);
  } catch {
    return refuse('The body is not JSON.');
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return answer(parsed.data);
  return refuse(problemOf(parsed.error.issues[0]));
}

/** A union tells only that nothing fitted; its last branch, the single fault, tells why. */
function problemOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = issue.errors.toSorted((a, b) => (b[0]?.path.length ?? 0) - (a[0]?.path.length ?? 0));
    return problemOf(branches[0]?.[0]);
  }
  if (issue === undefined) return 'The body is not valid.';
  const path = issue.path.map(String).join('.');
  return path === '' ? `${issue.message}.` : `${path}: ${issue.message}.`;
}

function decodeId(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function found(wasFound: boolean, noun: string, id: string | undefined): AdminAnswer {
  return wasFound ? { status: 200, body: {} } : { status: 404, body: { error: `There is no ${noun} ${id ?? ''}.` } };
}

function refuse(error: string): AdminAnswer {
  return { status: 400, body: { error } };
}

function notFound(): AdminAnswer {
  return { status: 404, body: { error: 'There is no such admin route.' } };
}
