/** Launches and stops over a real socket: how often a request arrives, and what its ending means. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import { as } from '../../src/domain/ids.ts';
import type { Instant, LaunchId } from '../../src/domain/ids.ts';
import { freePort } from '../../scripts/local/ports.ts';
import { CLUSTER, DEFINITION, NEVER, callOf, gatewayTo, instanceArn, launchOf, open, taskArn } from './samples.ts';
import { answer, ecsError, half, hangUp, reset, silence, startScriptedServer, text } from './scripted-server.ts';
import type { Reply, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
const gateways: AwsGateway[] = [];

beforeEach(async () => {
  server = await startScriptedServer();
});

afterEach(async () => {
  for (const gateway of gateways.splice(0)) gateway.close();
  await server.close();
});

function gateway(...args: Parameters<typeof gatewayTo>): AwsGateway {
  const made = gatewayTo(...args);
  gateways.push(made);
  return made;
}

const OK = answer(200, { tasks: [{ taskArn: taskArn(1), containerInstanceArn: instanceArn(1) }], failures: [] });
const CONFLICT = answer(400, { __type: 'ConflictException', message: 'other body', resourceIds: [taskArn(1)] });

/** The last is what a replay comes to, where that differs. */
const endings: readonly (readonly [string, Reply, string, string?])[] = [
  ['200', OK, 'done'],
  ['200 without tasks and failures', answer(200, {}), 'unknown EmptyAnswer', 'done'],
  ['conflict', CONFLICT, 'done'],
  ['throttle', ecsError('ThrottlingException'), 'refused, retry ThrottlingException'],
  ['wrong input', ecsError('com.amazonaws.ecs#InvalidParameterException'), 'refused InvalidParameterException'],
  ['denied', ecsError('AccessDeniedException'), 'refused AccessDeniedException'],
  ['500', ecsError('ServerException', 'oops', 500), 'unknown ServerException'],
  ['503 that says throttled', ecsError('ThrottlingException', 'x', 503), 'unknown ThrottlingException'],
  ['400 of somebody else', text(400, '<html>no</html>'), 'unknown SyntaxError'],
  ['502 of somebody else', text(502, '<html>no</html>'), 'unknown SyntaxError'],
  ['200 that cannot be read', text(200, '<html>yes</html>'), 'unknown SyntaxError'],
  ['200 cut off', half(200, 'reset'), 'unknown ECONNRESET'],
  ['400 cut off', half(400, 'reset'), 'unknown ECONNRESET'],
  ['reset', reset, 'unknown ECONNRESET'],
  ['hang-up', hangUp, 'unknown ECONNRESET'],
];

describe('one request, one ending', () => {
  for (const [name, reply, first, replayed = first] of endings) {
    for (const replay of [false, true]) {
      it(`${name}${replay ? ', after a replay' : ''}: ${replay ? replayed : first}`, async () => {
        server.reply(reply);
        const outcome = await gateway(server.url).launch(callOf({ replay }), open());
        expect(words(outcome)).toBe(replay ? replayed : first);
        expect(server.arrived.map(({ operation }) => operation)).toEqual(['RunTask']);
      });
    }
  }

  it('more at once than there are connections: each arrives, and arrives once', async () => {
    server.reply(OK);
    const busy = gateway(server.url);
    const outcomes = await Promise.all(Array.from({ length: 130 }, () => busy.launch(callOf(), open())));
    expect(new Set(outcomes.map(words))).toEqual(new Set(['done']));
    expect(server.arrived).toHaveLength(130);
    expect(server.connections()).toBeLessThanOrEqual(50);
  });

  it('a stop is sent once, too', async () => {
    const call = {
      cluster: CLUSTER,
      task: taskArn(1),
      reason: 'x'.repeat(300),
      priority: 'repair',
      notAfter: NEVER,
    } as const;
    const stopping = gateway(server.url);
    expect(await stopping.stop(call, open())).toEqual({ kind: 'done' });
    expect(JSON.parse(server.arrived[0]?.body ?? '')).toEqual({
      cluster: CLUSTER,
      task: taskArn(1),
      reason: 'x'.repeat(255),
    });
    server.reply(reset);
    expect(words(await stopping.stop(call, open()))).toBe('unknown ECONNRESET');
    server.reply(ecsError('InvalidParameterException'));
    expect(words(await stopping.stop(call, open()))).toBe('refused InvalidParameterException');
    expect(server.arrived).toHaveLength(3);
  });
});

describe('deadlines', () => {
  it.each([
    ['no answer', silence],
    ['half an answer', half(200, 'silence')],
  ])('%s: unknown after the request timeout', async (_name, reply) => {
    server.reply(reply);
    const outcome = await gateway(server.url, { requestTimeoutMs: 150 }).launch(callOf(), open());
    expect(words(outcome)).toBe('unknown RequestTimeout');
    expect(server.arrived).toHaveLength(1);
  });

  it('an answer that comes too late changes nothing, and nothing is sent again', async () => {
    let late: (() => void) | undefined;
    server.reply((response, arrived) => (late = () => OK(response, arrived)));
    const slow = gateway(server.url, { requestTimeoutMs: 150 });
    expect(words(await slow.launch(callOf(), open()))).toBe('unknown RequestTimeout');
    late?.();
    server.reply(OK);
    expect(words(await slow.launch(callOf({ replay: true }), open()))).toBe('done');
    expect(server.arrived).toHaveLength(2);
  });

  it('given up after it arrived: unknown, and the line is dropped', async () => {
    const dropped = new Promise((resolve) => {
      server.reply((response) => response.once('close', resolve));
    });
    const turn = new AbortController();
    const arrival = server.next();
    const outcome = gateway(server.url).launch(callOf(), turn.signal);
    await arrival;
    turn.abort();
    expect(words(await outcome)).toBe('unknown Aborted');
    await dropped;
    expect(server.arrived).toHaveLength(1);
  });

  it('given up before: never sent', async () => {
    const outcome = await gateway(server.url).launch(callOf(), AbortSignal.abort());
    expect(words(outcome)).toBe('refused, retry Aborted');
    expect(words(await gateway(server.url).launch(callOf({ replay: true }), AbortSignal.abort()))).toBe(
      'refused, retry Aborted',
    );
    expect(server.arrived).toHaveLength(0);
  });
});

describe('notAfter', () => {
  const at = as<Instant>(1_000_000);

  it('lets the last moment itself through', async () => {
    server.reply(OK);
    expect(words(await gateway(server.url, { now: () => at }).launch(callOf({ notAfter: at }), open()))).toBe('done');
  });

  it('is checked when the connection stands, on a new one and on a kept one', async () => {
    server.reply(OK);
    let now = as<Instant>(at + 1);
    const late = gateway(server.url, { now: () => now });
    expect(words(await late.launch(callOf({ notAfter: at }), open()))).toBe('refused, retry TooLate');
    expect(server.connections()).toBe(1);
    now = at;
    await late.launch(callOf({ notAfter: at }), open());
    now = as<Instant>(at + 1);
    expect(words(await late.launch(callOf({ notAfter: at }), open()))).toBe('refused, retry TooLate');
    expect(words(await late.launch(callOf({ notAfter: at, replay: true }), open()))).toBe('refused, retry TooLate');
    expect(server.arrived).toHaveLength(1);
  });

  it('keeps back every byte, not only the end of the request', async () => {
    let bytes = 0;
    const counter = createServer((socket) => socket.on('data', (data) => (bytes += data.length)));
    counter.listen(0, '127.0.0.1');
    await once(counter, 'listening');
    const { port } = counter.address() as AddressInfo;
    const closed = new Promise((resolve) => {
      counter.on('connection', (socket) => socket.on('close', resolve));
    });
    const late = gateway(`http://127.0.0.1:${port}`, { now: () => as<Instant>(at + 1) });
    expect(words(await late.launch(callOf({ notAfter: at }), open()))).toBe('refused, retry TooLate');
    await closed;
    expect(bytes).toBe(0);
    counter.close();
  });

  it('is checked after the wait for the budget', async () => {
    let now = at;
    const slowBudget: Budget = {
      take: async () => {
        now = as<Instant>(at + 10_001);
        return 'taken';
      },
      throttled: () => undefined,
    };
    const late = gateway(server.url, { now: () => now, budget: slowBudget });
    expect(words(await late.launch(callOf({ notAfter: as<Instant>(at + 10_000) }), open()))).toBe(
      'refused, retry TooLate',
    );
    expect(server.arrived).toHaveLength(0);
  });

  it('a budget without a token in time is a refusal without a connection', async () => {
    const empty: Budget = { take: async () => 'late', throttled: () => undefined };
    expect(words(await gateway(server.url, { budget: empty }).launch(callOf(), open()))).toBe('refused, retry TooLate');
    expect(server.connections()).toBe(0);
  });
});

describe('never sent', () => {
  it('nobody listens', async () => {
    const port = await freePort();
    const outcome = await gateway(`http://127.0.0.1:${port}`).launch(callOf(), open());
    expect(words(outcome)).toBe('refused, retry ECONNREFUSED');
    expect(words(await gateway(`http://127.0.0.1:${port}`).launch(callOf({ replay: true }), open()))).toBe(
      'refused, retry ECONNREFUSED',
    );
  });

  it('no such name', async () => {
    const outcome = await gateway('http://no-such-host.invalid', { connectionTimeoutMs: 500 }).launch(callOf(), open());
    expect(outcome).toMatchObject({ kind: 'refused', retry: true });
  });

  it('a connection that is accepted and never secured', async () => {
    const mute = createServer();
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    try {
      const stuck = gateway(`https://127.0.0.1:${port}`, { connectionTimeoutMs: 150 });
      expect(words(await stuck.launch(callOf(), open()))).toBe('refused, retry ConnectionTimeout');
    } finally {
      mute.close();
    }
  });

  it('a handshake that fails', async () => {
    // A plain HTTP server answers it with nonsense.
    const outcome = await gateway(server.url.replace('http:', 'https:')).launch(callOf(), open());
    expect(outcome).toMatchObject({ kind: 'refused', retry: true });
    expect(server.arrived).toHaveLength(0);
  });
});

describe('the body', () => {
  it('is the frozen request, and the same bytes again after a restart and a trip through the store', async () => {
    server.reply(OK);
    const launch = launchOf();
    const before = gateway(server.url);
    await before.launch(callOf({ launch }), open());
    await before.launch(callOf({ launch, replay: true }), open());
    const stored = JSON.parse(JSON.stringify(launch)) as typeof launch;
    await gateway(server.url).launch(callOf({ launch: stored, replay: true }), open());
    const bodies = server.arrived.map(({ body }) => body);
    expect(JSON.parse(bodies[0] ?? '')).toEqual(launch.request);
    expect(new Set(bodies).size).toBe(1);
  });

  it('of a StartTask goes as it is, once', async () => {
    server.reply(OK);
    const request = {
      cluster: CLUSTER,
      taskDefinition: DEFINITION,
      containerInstances: [instanceArn(1)],
      group: 'daemon:logs',
    };
    const launch = launchOf({ primitive: 'StartTask', request });
    expect(words(await gateway(server.url).launch(callOf({ launch }), open()))).toBe('done');
    expect(server.arrived.map(({ operation }) => operation)).toEqual(['StartTask']);
    expect(JSON.parse(server.arrived[0]?.body ?? '')).toEqual(request);
    await expect(gateway(server.url).launch(callOf({ launch, replay: true }), open())).rejects.toThrow(
      'must not be sent again',
    );
    server.reply(reset);
    expect(words(await gateway(server.url).launch(callOf({ launch }), open()))).toBe('unknown ECONNRESET');
    expect(server.arrived).toHaveLength(2);
  });

  it('must carry the launch id as its key', async () => {
    const launch = launchOf({ id: as<LaunchId>('another') });
    await expect(gateway(server.url).launch(callOf({ launch }), open())).rejects.toThrow('clientToken');
    expect(server.arrived).toHaveLength(0);
  });
});

it('tells the budget when ECS throttles, by the bucket', async () => {
  const throttled: string[] = [];
  const budget: Budget = { take: async () => 'taken', throttled: (bucket) => throttled.push(bucket) };
  server.reply(ecsError('ThrottlingException'));
  await gateway(server.url, { budget }).launch(callOf(), open());
  expect(throttled).toEqual(['modify']);
  server.reply(ecsError('InvalidParameterException'));
  await gateway(server.url, { budget }).launch(callOf(), open());
  expect(throttled).toEqual(['modify']);
});

function words(outcome: {
  readonly kind: string;
  readonly fault?: { readonly code: string };
  readonly retry?: boolean;
}): string {
  const retry = outcome.retry === true ? ', retry' : '';
  return `${outcome.kind}${retry}${outcome.fault === undefined ? '' : ` ${outcome.fault.code}`}`;
}
