import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { ecsError } from '../model/answer.ts';
import type { FaultKind, FaultMoment } from '../model/faults.ts';
import type { EcsModel } from '../model/model.ts';
import { CONTENT_TYPE, httpAnswer, operationOf, readBody, type HttpAnswer } from './ecs-protocol.ts';

/** Answers one call of the ECS API, with the fault that it meets. */
export async function answerEcs(
  model: EcsModel,
  request: IncomingMessage,
  response: ServerResponse,
  bodyText: string,
): Promise<void> {
  const target = request.headers['x-amz-target'];
  const operation = operationOf(Array.isArray(target) ? target[0] : target);
  const fault = model.faults.take(operation);

  if ((await meet(fault, 'before-commit')) === 'hang') return;
  const body = readBody(bodyText);
  const answer = httpAnswer(
    body === null
      ? ecsError('SerializationException', 'The request body is not a JSON object.')
      : model.apply(Date.now(), { operation, body }, fault),
  );
  if ((await meet(fault, 'after-commit')) === 'hang') return;
  reply(request, response, answer, fault);
}

/** Waits out a delay. A call that hangs gets no reply; its connection stays open until one side gives up. */
async function meet(fault: FaultKind | null, when: FaultMoment): Promise<'go on' | 'hang'> {
  if (fault?.kind === 'hang' && fault.when === when) return 'hang';
  if (fault?.kind === 'delay' && fault.when === when) await sleep(fault.ms, undefined, { ref: false });
  return 'go on';
}

function reply(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer, fault: FaultKind | null): void {
  if (fault?.kind === 'drop-reply-after-commit') {
    request.socket.destroy();
    return;
  }
  const length = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, {
    'Content-Type': CONTENT_TYPE,
    'Content-Length': length,
    'x-amzn-RequestId': randomUUID(),
  });
  if (fault?.kind === 'truncate-reply-after-commit') {
    const half = Buffer.from(answer.body).subarray(0, Math.floor(length / 2));
    response.write(half, () => request.socket.destroy());
    return;
  }
  response.end(answer.body);
}
