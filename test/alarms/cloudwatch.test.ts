/** The states of alarms: over a real socket, from the simulator and from a server that misbehaves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloudWatchAlarms, type CloudWatchSettings } from '../../src/alarms/cloudwatch.ts';
import { as, type Instant } from '../../src/domain/ids.ts';
import {
  answer,
  ecsError,
  reset,
  silence,
  startScriptedServer,
  type Reply,
  type ScriptedServer,
} from '../ecs/scripted-server.ts';
import { startUnderTest } from '../sim/sim-client.ts';

const ACCESS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const open = (): AbortSignal => new AbortController().signal;

let server: ScriptedServer;
let now = 1_000_000;
const made: CloudWatchAlarms[] = [];

function alarmsAt(settings: CloudWatchSettings): CloudWatchAlarms {
  const alarms = new CloudWatchAlarms({ settings: { ...ACCESS, ...settings }, now: () => as<Instant>(now) });
  made.push(alarms);
  return alarms;
}

beforeEach(async () => {
  server = await startScriptedServer();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const alarms of made.splice(0)) alarms.close();
  await server.close();
});

/** What each call asked for. */
const asked = (): readonly Record<string, unknown>[] =>
  server.arrived.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const namesAsked = (): readonly unknown[] => asked().map(({ AlarmNames }) => AlarmNames);
/** Tells of the alarms that are asked for, and no others. */
const metric =
  (states: Readonly<Record<string, string>>, over: object = {}): Reply =>
  (response, arrived) => {
    const names = (JSON.parse(arrived.body) as { readonly AlarmNames: readonly string[] }).AlarmNames;
    const told = Object.entries(states).filter(([name]) => names.includes(name));
    const MetricAlarms = told.map(([AlarmName, StateValue]) => ({ AlarmName, StateValue }));
    answer(200, { MetricAlarms, CompositeAlarms: [], ...over })(response, arrived);
  };

describe('of the simulator', () => {
  it('alarms of both kinds have their states, and other names are MISSING', async () => {
    const at = await startUnderTest();
    const alarms = alarmsAt({ endpoint: at.sim.url });
    try {
      await at.admin('POST', '/alarms', { name: 'errors', state: 'OK' });
      await at.admin('POST', '/alarms', { name: 'latency', state: 'INSUFFICIENT_DATA' });
      await at.admin('POST', '/alarms', { name: 'both', state: 'ALARM', type: 'CompositeAlarm' });
      await at.admin('POST', '/alarms', { name: 'unasked', state: 'ALARM' });
      expect(await alarms.states(['both', 'none', 'errors', 'latency', 'both'], open())).toEqual(
        new Map([
          ['both', 'ALARM'],
          ['none', 'MISSING'],
          ['errors', 'OK'],
          ['latency', 'INSUFFICIENT_DATA'],
        ]),
      );
    } finally {
      await at.close();
    }
  });

  it('hundreds are read in batches', async () => {
    const at = await startUnderTest();
    const alarms = alarmsAt({ endpoint: at.sim.url });
    try {
      const names = Array.from({ length: 230 }, (_, n) => `alarm-${n}`);
      for (const name of names) at.sim.model.alarms.set(0, { name, type: 'MetricAlarm', state: 'ALARM' });
      expect(await alarms.states(names, open())).toEqual(new Map(names.map((name) => [name, 'ALARM'])));
    } finally {
      await at.close();
    }
  });
});

describe('asking', () => {
  it('goes where the SDK is told to go, and reads every page', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH', server.url);
    const alarms = alarmsAt({});
    server.reply((response, arrived) => {
      const second = arrived.body.includes('"NextToken":"more"');
      metric(second ? { b: 'ALARM' } : { a: 'OK' }, second ? {} : { NextToken: 'more' })(response, arrived);
    });
    expect(await alarms.states(['a', 'b'], open())).toEqual(
      new Map([
        ['a', 'OK'],
        ['b', 'ALARM'],
      ]),
    );
    const first = { AlarmNames: ['a', 'b'], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'], MaxRecords: 100 };
    expect(asked()).toEqual([first, { ...first, NextToken: 'more' }]);
  });

  it('for a hundred names costs one call, for one more another', async () => {
    server.reply(metric({}));
    await alarmsAt({ endpoint: server.url }).states(
      Array.from({ length: 101 }, (_, n) => `${n}`),
      open(),
    );
    expect(namesAsked().map((names) => (names as unknown[]).length)).toEqual([100, 1]);
  });

  it('together costs one call with the names of all', async () => {
    server.reply(metric({ a: 'ALARM', c: 'OK' }));
    const alarms = alarmsAt({ endpoint: server.url });
    const answers = await Promise.all([['a'], ['b', 'a'], ['c']].map((names) => alarms.states(names, open())));
    expect(answers.map((states) => Object.fromEntries(states))).toEqual([
      { a: 'ALARM' },
      { b: 'MISSING', a: 'ALARM' },
      { c: 'OK' },
    ]);
    expect(namesAsked()).toEqual([['a', 'b', 'c']]);
  });

  it('again within 10 s costs nothing, and later one call for all that are wanted', async () => {
    server.reply(metric({ a: 'OK', b: 'OK' }));
    const alarms = alarmsAt({ endpoint: server.url });
    await alarms.states(['a'], open());
    await alarms.states(['b'], open());
    server.reply(metric({ a: 'ALARM', b: 'ALARM' }));
    now += 9_999;
    for (const name of ['a', 'b', 'a']) expect((await alarms.states([name], open())).get(name)).toBe('OK');
    now += 1;
    for (const name of ['a', 'b', 'a']) expect((await alarms.states([name], open())).get(name)).toBe('ALARM');
    expect(namesAsked()).toEqual([['a'], ['a', 'b'], ['a', 'b']]);
    expect(server.connections()).toBe(1);
  });

  it('is not spared by a clock that stepped back', async () => {
    server.reply(metric({ a: 'OK' }));
    const alarms = alarmsAt({ endpoint: server.url });
    await alarms.states(['a'], open());
    now -= 1;
    await alarms.states(['a'], open());
    expect(server.arrived).toHaveLength(2);
  });

  it('is what MISSING takes: a name that was forgotten before its turn came is not', async () => {
    server.reply(metric({}));
    const alarms = alarmsAt({ endpoint: server.url });
    const waiting = alarms.states(['a'], open());
    now += 120_000;
    await expect(waiting).rejects.toMatchObject({ name: 'AlarmsUnavailableError', fault: { code: 'NotAsked' } });
    expect((await alarms.states(['a'], open())).get('a')).toBe('MISSING');
  });

  it('leaves out what nobody has wanted for two minutes', async () => {
    server.reply(metric({}));
    const alarms = alarmsAt({ endpoint: server.url });
    await alarms.states(['old', 'new'], open());
    now += 119_999;
    await alarms.states(['new'], open());
    now += 10_000;
    await alarms.states(['new'], open());
    expect(namesAsked()).toEqual([['old', 'new'], ['old', 'new'], ['new']]);
  });

  it('for nothing, or for what no alarm can be called, asks nobody and needs no client', async () => {
    let built = 0;
    const alarms = alarmsAt({});
    const lazy = new CloudWatchAlarms({
      settings: {
        ...ACCESS,
        get endpoint() {
          built += 1;
          return server.url;
        },
      },
      now: () => as<Instant>(now),
    });
    made.push(lazy);
    expect((await alarms.states([], open())).size).toBe(0);
    expect([...(await lazy.states(['', 'a\nb', 'x'.repeat(256)], open())).values()]).toEqual([
      'MISSING',
      'MISSING',
      'MISSING',
    ]);
    expect([built, server.arrived.length]).toEqual([0, 0]);
    server.reply(metric({}));
    await lazy.states(['', 'x'.repeat(255)], open());
    expect(built).toBeGreaterThan(0);
    now += 10_000;
    expect((await lazy.states([], open())).size).toBe(0);
    expect(namesAsked()).toEqual([['x'.repeat(255)]]);
  });
});

describe('when CloudWatch fails', () => {
  const denied = ecsError('AccessDenied', 'not you');

  it('a passing fault is asked over', async () => {
    server.reply((response, arrived) => {
      const reply = server.arrived.length === 1 ? reset : metric({ a: 'OK' });
      reply(response, arrived);
    });
    expect((await alarmsAt({ endpoint: server.url }).states(['a'], open())).get('a')).toBe('OK');
    expect(server.arrived).toHaveLength(2);
  });

  it('nothing is learned, and for a second nobody asks again', async () => {
    server.reply(denied);
    const alarms = alarmsAt({ endpoint: server.url });
    const failure = { name: 'AlarmsUnavailableError', fault: { code: 'AccessDenied', message: 'not you' } };
    for (const name of ['a', 'a', 'b']) await expect(alarms.states([name], open())).rejects.toMatchObject(failure);
    expect(server.arrived).toHaveLength(1);
    server.reply(metric({ a: 'ALARM' }));
    now += 999;
    await expect(alarms.states(['a'], open())).rejects.toMatchObject(failure);
    now += 1;
    expect((await alarms.states(['a'], open())).get('a')).toBe('ALARM');
  });

  it('what is remembered stands until it is old', async () => {
    server.reply(metric({ a: 'OK' }));
    const alarms = alarmsAt({ endpoint: server.url });
    await alarms.states(['a'], open());
    server.reply(denied);
    await expect(alarms.states(['a', 'b'], open())).rejects.toMatchObject({ fault: { code: 'AccessDenied' } });
    expect((await alarms.states(['a'], open())).get('a')).toBe('OK');
    now += 10_000;
    await expect(alarms.states(['a'], open())).rejects.toMatchObject({ fault: { code: 'AccessDenied' } });
  });

  it('its silence has an end', async () => {
    server.reply(silence);
    const alarms = alarmsAt({ endpoint: server.url, timeoutMs: 50 });
    await expect(alarms.states(['a'], open())).rejects.toMatchObject({
      name: 'AlarmsUnavailableError',
      fault: { code: 'RequestTimeout', message: 'no answer within 50 ms' },
    });
  });

  it('one who gives up does not take the others along', async () => {
    const stop = new AbortController();
    server.reply((response, arrived) => {
      stop.abort();
      setImmediate(() => metric({ a: 'OK' })(response, arrived));
    });
    const alarms = alarmsAt({ endpoint: server.url });
    const patient = alarms.states(['a'], open());
    await expect(alarms.states(['a'], stop.signal)).rejects.toMatchObject({
      name: 'AlarmsUnavailableError',
      fault: { code: 'Aborted' },
    });
    expect((await patient).get('a')).toBe('OK');
  });

  it('a server that is not there is named by its error', async () => {
    const alarms = alarmsAt({ endpoint: server.url });
    await server.close();
    await expect(alarms.states(['a'], open())).rejects.toMatchObject({ fault: { code: 'ECONNREFUSED' } });
    server = await startScriptedServer();
  });

  it('a state that is none is not taken for one', async () => {
    server.reply(metric({ a: 'FINE' }));
    await expect(alarmsAt({ endpoint: server.url }).states(['a'], open())).rejects.toMatchObject({
      fault: { code: 'UnreadableAnswer', message: 'CloudWatch called the state of a FINE' },
    });
  });
});
