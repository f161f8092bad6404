import type { IncomingMessage, ServerResponse } from 'node:http';

import { z } from 'zod';

import type { Alarm, AlarmBoard } from '../model/alarms.ts';
import { jsonOf, send, targetOf, type Answer } from './aws-json.ts';

/** CloudWatch, as the SDK and the AWS CLI speak it. */
const TARGET_PREFIX = 'GraniteServiceVersion20100801.';

/** Limits of the CloudWatch API reference, DescribeAlarms. */
const NAMES_MAX = 100;
const PAGE_MAX = 100;
/** AWS names no default. Half of the most, so that whoever relies on one page is found out. */
const PAGE_DEFAULT = 50;

const describeAlarmsSchema = z.object({
  AlarmNames: z.array(z.string().min(1).max(255)).max(NAMES_MAX).default([]),
  // Composite alarms are told of only to those who ask for them.
  AlarmTypes: z.array(z.enum(['MetricAlarm', 'CompositeAlarm'])).default(['MetricAlarm']),
  MaxRecords: z.int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
  NextToken: z.string().default(''),
});

export const isCloudWatch = (request: IncomingMessage): boolean => targetOf(request).startsWith(TARGET_PREFIX);

/** Answers one call of the CloudWatch API. */
export function answerCloudWatch(
  alarms: AlarmBoard,
  request: IncomingMessage,
  response: ServerResponse,
  bodyText: string,
): void {
  send(response, answerTo(alarms, targetOf(request).slice(TARGET_PREFIX.length), bodyText));
}

function answerTo(board: AlarmBoard, operation: string, text: string): Answer {
  if (operation !== 'DescribeAlarms')
    return refused('UnknownOperationException', `There is no operation ${operation}.`);
  const parsed = describeAlarmsSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refused('ValidationException', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
  }
  const { AlarmNames: names, AlarmTypes: types, MaxRecords: most, NextToken: after } = parsed.data;
  const { alarms, next } = board.page({ names, types, most, after });
  const body = {
    MetricAlarms: alarms.filter(({ type }) => type === 'MetricAlarm').map(alarmView),
    CompositeAlarms: alarms.filter(({ type }) => type === 'CompositeAlarm').map(alarmView),
    ...(next === null ? {} : { NextToken: next }),
  };
  return { status: 200, body };
}

const alarmView = ({ name, state, since }: Alarm): object => ({
  AlarmName: name,
  StateValue: state,
  StateUpdatedTimestamp: since / 1_000,
});

const refused = (type: string, message: string): Answer => ({
  status: 400,
  body: { __type: `com.amazonaws.cloudwatch#${type}`, message },
});
