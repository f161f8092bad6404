/** A queue of Amazon SQS, as far as the intake needs one. The only file that knows the SDK's client of it. */
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

export interface QueueMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
  /** How often it was handed out, this time included. */
  readonly received: number;
}

export interface MessageSource {
  /** Waits for messages, for `RECEIVE_WAIT_S` at most. Throws what the SDK throws. */
  receive(signal: AbortSignal): Promise<readonly QueueMessage[]>;
  /** Those that were not deleted come again. */
  remove(messages: readonly QueueMessage[]): Promise<void>;
  close(): void;
}

/** SQS API reference: the longest a receive may wait, and the most it gives. */
export const RECEIVE_WAIT_S = 20;
const MESSAGES_MOST = 10;
/** A message that was not deleted comes again after this. Taking one in takes milliseconds. */
const INVISIBLE_S = 30;
const CONNECTION_TIMEOUT_MS = 3_000;
/** A receive is silent while it waits. */
const REQUEST_TIMEOUT_MS = (RECEIVE_WAIT_S + 5) * 1_000;
/** Deleting late is as good as not deleting. */
const REMOVE_TIMEOUT_MS = 5_000;

export function openSqsSource(queueUrl: string): MessageSource {
  const region = regionOf(queueUrl);
  const client = new SQSClient({
    // Said although the SDK would find it: it would write a warning about it to the console.
    endpoint: new URL(queueUrl).origin,
    ...(region === null ? {} : { region }),
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  return {
    async receive(signal) {
      const { Messages: messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: MESSAGES_MOST,
          WaitTimeSeconds: RECEIVE_WAIT_S,
          VisibilityTimeout: INVISIBLE_S,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
        { abortSignal: signal },
      );
      return messages.map(({ MessageId, ReceiptHandle, Body, Attributes }) => ({
        id: MessageId ?? '',
        receipt: ReceiptHandle ?? '',
        body: Body ?? '',
        received: Number(Attributes?.ApproximateReceiveCount ?? 1),
      }));
    },
    async remove(messages) {
      await client.send(
        new DeleteMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: messages.map(({ receipt }, n) => ({ Id: String(n), ReceiptHandle: receipt })),
        }),
        { abortSignal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) },
      );
    },
    close: () => client.destroy(),
  };
}

/** The region that a queue's address tells; null for an address that is not of AWS. */
const regionOf = (queueUrl: string): string | null =>
  /^sqs(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(new URL(queueUrl).hostname)?.[1] ?? null;
