import { describe, expect, it } from 'vitest';
import { isThrottle, launchOutcome, stopOutcome } from '../../src/ecs/outcomes.ts';
import type { Ending, LaunchAnswer } from '../../src/ecs/outcomes.ts';
import type { WireError } from '../../src/ecs/wire-errors.ts';
import { instanceArn, taskArn } from './samples.ts';

const answered = (output: LaunchAnswer): Ending<LaunchAnswer> => ({ kind: 'answer', output });

function failed(over: Partial<WireError> & { readonly code: string; readonly sent?: boolean }): Ending<never> {
  const { code, sent = true, ...rest } = over;
  const fault = { code, message: 'in its own words' };
  return { kind: 'error', sent, error: { fault, status: 400, attempts: 1, resourceIds: [], ...rest } };
}

describe('an answer of ECS', () => {
  it('is done with the tasks and the failures it names', () => {
    const ending = answered({
      tasks: [{ taskArn: taskArn(1), containerInstanceArn: instanceArn(1) }, { taskArn: taskArn(2) }],
      failures: [
        { arn: instanceArn(3), reason: 'RESOURCE:CPU' },
        { reason: 'MemberOf placement constraint unsatisfied', detail: 'no host' },
        { arn: taskArn(9), reason: 'AGENT' },
        {},
      ],
    });
    expect(launchOutcome(ending, { replay: false })).toEqual({
      kind: 'done',
      tasks: [
        { arn: taskArn(1), instance: instanceArn(1) },
        { arn: taskArn(2), instance: null },
      ],
      failures: [
        { instance: instanceArn(3), reason: 'RESOURCE:CPU' },
        { instance: null, reason: 'MemberOf placement constraint unsatisfied: no host' },
        { instance: null, reason: 'AGENT' },
        { instance: null, reason: 'UNKNOWN' },
      ],
    });
  });

  it('with neither tasks nor failures is in doubt once, and nothing after a replay', () => {
    expect(launchOutcome(answered({}), { replay: false })).toMatchObject({
      kind: 'unknown',
      fault: { code: 'EmptyAnswer' },
    });
    expect(launchOutcome(answered({ tasks: [], failures: [] }), { replay: true })).toEqual({
      kind: 'done',
      tasks: [],
      failures: [],
    });
  });

  it('with a task that has no ARN is in doubt: that task could not be followed', () => {
    const ending = answered({ tasks: [{ taskArn: taskArn(1) }, { lastStatus: 'PENDING' }] });
    expect(launchOutcome(ending, { replay: false })).toMatchObject({ kind: 'unknown' });
    expect(launchOutcome(ending, { replay: true })).toMatchObject({ kind: 'unknown' });
  });
});

describe('an error of the first call', () => {
  it.each([
    ['never sent', failed({ code: 'ECONNREFUSED', sent: false, status: null }), 'refused', true],
    ['never sent, whatever the code', failed({ code: 'ECONNRESET', sent: false, status: null }), 'refused', true],
    ['throttled', failed({ code: 'ThrottlingException' }), 'refused', true],
    ['throttled by its older name', failed({ code: 'RequestLimitExceeded' }), 'refused', true],
    ['throttled by status', failed({ code: 'Whatever', status: 429 }), 'refused', true],
    ['wrong input', failed({ code: 'InvalidParameterException' }), 'refused', false],
    ['no such cluster', failed({ code: 'ClusterNotFoundException' }), 'refused', false],
    ['client error', failed({ code: 'ClientException' }), 'refused', false],
    ['not allowed', failed({ code: 'AccessDeniedException' }), 'refused', false],
    ['blocked account', failed({ code: 'BlockedException' }), 'refused', false],
    ['bad signature', failed({ code: 'InvalidSignatureException', status: 403 }), 'refused', false],
  ] as const)('%s: refused', (_name, ending, kind, retry) => {
    expect(launchOutcome(ending, { replay: false })).toEqual({
      kind,
      retry,
      fault: ending.kind === 'error' && ending.error.fault,
    });
  });

  it.each([
    ['reset', failed({ code: 'ECONNRESET', status: null })],
    ['broken pipe', failed({ code: 'EPIPE', status: null })],
    ['refused by the system, yet something was written', failed({ code: 'ECONNREFUSED', status: null })],
    ['timeout', failed({ code: 'RequestTimeout', status: null })],
    ['given up', failed({ code: 'Aborted', status: null })],
    ['server error', failed({ code: 'ServerException', status: 500 })],
    ['server error that calls itself a refusal', failed({ code: 'InvalidParameterException', status: 500 })],
    ['server error that calls itself a throttle', failed({ code: 'ThrottlingException', status: 503 })],
    ['unavailable', failed({ code: 'ServiceUnavailable', status: 503 })],
    ['a throttle that was not the only attempt', failed({ code: 'ThrottlingException', attempts: 2 })],
    ['a refusal that was not the only attempt', failed({ code: 'InvalidParameterException', attempts: 2 })],
    ['a refusal that names no status', failed({ code: 'InvalidParameterException', status: null })],
    ['a code nobody knows', failed({ code: 'NewKindOfException' })],
    ['the request timed out over there', failed({ code: 'RequestTimeoutException', status: 408 })],
    ['a conflict without tasks', failed({ code: 'ConflictException' })],
    ['a conflict about something else', failed({ code: 'ConflictException', resourceIds: [instanceArn(1)] })],
    ['unreadable', failed({ code: 'SyntaxError', status: null })],
  ] as const)('%s: unknown', (_name, ending) => {
    const fault = ending.kind === 'error' && ending.error.fault;
    expect(launchOutcome(ending, { replay: false })).toEqual({ kind: 'unknown', fault });
  });

  it('a conflict is done: the tasks of our token exist', () => {
    const ending = failed({ code: 'ConflictException', resourceIds: [taskArn(1), taskArn(2)] });
    const tasks = [
      { arn: taskArn(1), instance: null },
      { arn: taskArn(2), instance: null },
    ];
    expect(launchOutcome(ending, { replay: false })).toEqual({ kind: 'done', tasks, failures: [] });
    expect(launchOutcome(ending, { replay: true })).toEqual({ kind: 'done', tasks, failures: [] });
  });
});

it.each([
  failed({ code: 'ECONNREFUSED', sent: false, status: null }),
  failed({ code: 'ThrottlingException' }),
  failed({ code: 'InvalidParameterException' }),
  failed({ code: 'ECONNRESET', status: null }),
  failed({ code: 'ServerException', status: 500 }),
])('an outcome speaks of its own call: %j ends alike for a replay', (ending) => {
  expect(launchOutcome(ending, { replay: true })).toEqual(launchOutcome(ending, { replay: false }));
});

it.each([
  [{ kind: 'answer', output: {} } as const, 'done'],
  [failed({ code: 'ECONNREFUSED', sent: false, status: null }), 'refused'],
  [failed({ code: 'ThrottlingException' }), 'refused'],
  [failed({ code: 'InvalidParameterException' }), 'refused'],
  [failed({ code: 'ECONNRESET', status: null }), 'unknown'],
  [failed({ code: 'ServerException', status: 500 }), 'unknown'],
] as const)('a stop that ended with %j is %s', (ending, kind) => {
  expect(stopOutcome(ending).kind).toBe(kind);
});

it('only an answer of ECS is a throttle', () => {
  const { error } = failed({ code: 'ThrottlingException', status: null }) as { readonly error: WireError };
  expect(isThrottle(error)).toBe(false);
  expect(isThrottle({ ...error, status: 400 })).toBe(true);
});
