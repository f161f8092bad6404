/** `POST /v1/cluster-events`: names in, 202 out, once they are surely queued. */
import { describe, expect, test } from 'vitest';
import { API_LIMITS } from '../../src/api/limits.ts';
import { harness } from './harness.ts';

const ARN = 'arn:aws:ecs:us-east-1:123456789012';
const event = (n = 1): object => ({
  version: '0',
  'detail-type': 'ECS Task State Change',
  source: 'aws.ecs',
  detail: {
    clusterArn: `${ARN}:cluster/c1`,
    taskArn: `${ARN}:task/c1/${String(n).padStart(32, '0')}`,
    lastStatus: 'STOPPED',
    version: 4,
  },
});
const PATH = '/v1/cluster-events';

describe('POST /v1/cluster-events', () => {
  test('takes one event, or a list, and queues what they name', async () => {
    const h = harness();
    const one = await h.post(PATH, event());
    expect(one).toMatchObject({ status: 202, text: '{"accepted":1}\n' });
    const list = await h.post(PATH, [event(1), event(2), event(2)]);
    expect(list).toMatchObject({ status: 202, text: '{"accepted":2}\n' });
    expect(h.hints.taken).toHaveLength(3);
    expect(h.hints.taken[0]).toEqual({
      kind: 'task',
      cluster: `${ARN}:cluster/c1`,
      arn: `${ARN}:task/c1/${'1'.padStart(32, '0')}`,
      atLeast: 0,
    });
    expect(h.mailbox.sent).toEqual([]);
  });

  test('says what is wrong, and takes nothing of it', async () => {
    const h = harness();
    const wrong = await h.post(PATH, [event(1), { ...event(2), detail: { clusterArn: 'c1' } }]);
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('1.detail.clusterArn in body should be the ARN of a cluster');
    expect(wrong.text).toContain('1.detail.taskArn in body');
    expect(await h.call(PATH, { method: 'POST', body: 'x' })).toMatchObject({
      status: 400,
      text: 'validation failure list:\nbody should be JSON\n',
    });
    expect(h.hints.taken).toEqual([]);
  });

  test('a body as long as no list of a hundred events is refused', async () => {
    const h = harness({ limits: { ...API_LIMITS, bodyBytes: 200 } });
    expect((await h.post(PATH, [event(1), event(2)])).status).toBe(413);
  });

  test('without a queue it says when to come again', async () => {
    const h = harness();
    h.hints.up = false;
    const answer = await h.post(PATH, event());
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('nothing was accepted');
    expect(answer.headers.get('Retry-After')).toBe(String(API_LIMITS.retryAfterS));
  });

  test('is in the document with every status it answers', async () => {
    const h = harness();
    const document = JSON.parse((await h.call('/v1/openapi.json')).text) as {
      readonly paths: Readonly<Record<string, { readonly post?: { readonly responses: object } }>>;
    };
    expect(Object.keys(document.paths[PATH]?.post?.responses ?? {})).toEqual(['202', '400', '413', '500', '503']);
  });
});
