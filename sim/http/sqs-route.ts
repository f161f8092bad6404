import type { IncomingMessage, ServerResponse } from 'node:http';

import { z } from 'zod';

import { jsonOf, send, targetOf, type Answer } from './aws-json.ts';
import type { Received, SqsQueue } from './sqs-queue.ts';

const TARGET_PREFIX = 'AmazonSQS.';

/** Defaults and bounds of the SQS API reference. */
const INVISIBLE_DEFAULT_S = 30;
const INVISIBLE_MOST_S = 43_200;
const WAIT_MOST_S = 20;
const BATCH_MOST = 10;

const queueUrl = { QueueUrl: z.string() };
const receipt = z.string();
const invisible = z.int().min(0).max(INVISIBLE_MOST_S);
const entry = z.object({ Id: z.string(), ReceiptHandle: receipt });

const schemas = {
  SendMessage: z.object({ ...queueUrl, MessageBody: z.string().min(1) }),
  ReceiveMessage: z.object({
    ...queueUrl,
    MaxNumberOfMessages: z.int().min(1).max(BATCH_MOST).default(1),
    VisibilityTimeout: invisible.default(INVISIBLE_DEFAULT_S),
    WaitTimeSeconds: z.int().min(0).max(WAIT_MOST_S).default(0),
  }),
  DeleteMessage: z.object({ ...queueUrl, ReceiptHandle: receipt }),
  DeleteMessageBatch: z.object({ ...queueUrl, Entries: z.array(entry).min(1).max(BATCH_MOST) }),
  ChangeMessageVisibility: z.object({ ...queueUrl, ReceiptHandle: receipt, VisibilityTimeout: invisible }),
  GetQueueAttributes: z.object(queueUrl),
};

export interface SqsSide {
  readonly queue: SqsQueue;
  /** The path of the queue's address. */
  readonly path: string;
}

export const isSqs = (request: IncomingMessage): boolean => targetOf(request).startsWith(TARGET_PREFIX);

/** Answers one call of the SQS API. `side` null: the simulator emits no events, and has no queue. */
export async function answerSqs(
  side: SqsSide | null,
  request: IncomingMessage,
  response: ServerResponse,
  bodyText: string,
): Promise<void> {
  const operation = targetOf(request).slice(TARGET_PREFIX.length);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  send(response, await answerTo(side, operation, bodyText, gone.signal));
}

async function answerTo(side: SqsSide | null, operation: string, text: string, gone: AbortSignal): Promise<Answer> {
  if (!isOperation(operation)) return refused('UnsupportedOperation', `There is no operation ${operation}.`);
  const parsed = z.object(queueUrl).safeParse(jsonOf(text));
  if (!parsed.success) return refused('InvalidParameterValue', 'The request must name a QueueUrl.');
  if (side === null || pathOf(parsed.data.QueueUrl) !== side.path) {
    return refused('QueueDoesNotExist', 'The specified queue does not exist.');
  }
  return await carryOut(side.queue, operation, jsonOf(text), gone);
}

async function carryOut(queue: SqsQueue, operation: Operation, input: unknown, signal: AbortSignal): Promise<Answer> {
  try {
    switch (operation) {
      case 'SendMessage': {
        const { id, md5 } = queue.send(schemas.SendMessage.parse(input).MessageBody);
        return ok({ MessageId: id, MD5OfMessageBody: md5 });
      }
      case 'ReceiveMessage': {
        const ask = schemas.ReceiveMessage.parse(input);
        const messages = await queue.receive({
          most: ask.MaxNumberOfMessages,
          invisibleMs: ask.VisibilityTimeout * 1_000,
          waitMs: ask.WaitTimeSeconds * 1_000,
          signal,
        });
        return ok(messages.length === 0 ? {} : { Messages: messages.map(messageView) });
      }
      case 'DeleteMessage':
        return queue.delete(schemas.DeleteMessage.parse(input).ReceiptHandle) ? ok({}) : wrongHandle();
      case 'DeleteMessageBatch': {
        const { Entries } = schemas.DeleteMessageBatch.parse(input);
        const done = Entries.filter(({ ReceiptHandle }) => queue.delete(ReceiptHandle));
        const failed = Entries.filter((each) => !done.includes(each));
        return ok({
          Successful: done.map(({ Id }) => ({ Id })),
          Failed: failed.map(({ Id }) => ({ Id, SenderFault: true, Code: 'ReceiptHandleIsInvalid' })),
        });
      }
      case 'ChangeMessageVisibility': {
        const { ReceiptHandle, VisibilityTimeout } = schemas.ChangeMessageVisibility.parse(input);
        return queue.changeVisibility(ReceiptHandle, VisibilityTimeout * 1_000) ? ok({}) : wrongHandle();
      }
      case 'GetQueueAttributes': {
        const { visible, inFlight } = queue.counts();
        const attributes = {
          ApproximateNumberOfMessages: String(visible),
          ApproximateNumberOfMessagesNotVisible: String(inFlight),
        };
        return ok({ Attributes: attributes });
      }
    }
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    return refused('InvalidParameterValue', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
  }
}

const messageView = ({ id, receipt, md5, body, received, sentAt }: Received): object => ({
  MessageId: id,
  ReceiptHandle: receipt,
  MD5OfBody: md5,
  Body: body,
  Attributes: { ApproximateReceiveCount: String(received), SentTimestamp: String(sentAt) },
});

type Operation = keyof typeof schemas;
const isOperation = (name: string): name is Operation => Object.hasOwn(schemas, name);

const ok = (body: object): Answer => ({ status: 200, body });
const refused = (type: string, message: string): Answer => ({
  status: 400,
  body: { __type: `com.amazonaws.sqs#${type}`, message },
});
const wrongHandle = (): Answer => refused('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');

function pathOf(url: string): string | null {
  try {
    return new URL(url).pathname;
  } catch {
    return null;
  }
}
