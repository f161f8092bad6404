/** The simulated CloudWatch, as the SDK sees it. */
import { CloudWatchClient, DescribeAlarmsCommand, type DescribeAlarmsCommandInput } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startUnderTest, type SimulatorUnderTest } from './sim-client.ts';

let at: SimulatorUnderTest;
let cloudWatch: CloudWatchClient;

beforeEach(async () => {
  at = await startUnderTest();
  cloudWatch = new CloudWatchClient({
    endpoint: at.sim.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  cloudWatch.destroy();
  await at.close();
});

const set = async (alarm: object): Promise<unknown> => (await at.admin('POST', '/alarms', alarm)).body;
const ask = (input: DescribeAlarmsCommandInput = {}) => cloudWatch.send(new DescribeAlarmsCommand(input));

describe('an alarm', () => {
  it('is as it was last set', async () => {
    await set({ name: 'errors', state: 'OK' });
    const { MetricAlarms: [before] = [] } = await ask();
    expect(before).toMatchObject({ AlarmName: 'errors', StateValue: 'OK', StateUpdatedTimestamp: expect.any(Date) });
    await set({ name: 'errors', state: 'ALARM' });
    expect((await ask()).MetricAlarms).toMatchObject([{ AlarmName: 'errors', StateValue: 'ALARM' }]);
  });

  it('keeps the moment of its last change', () => {
    const { alarms } = at.sim.model;
    const alarm = { name: 'errors', type: 'MetricAlarm', state: 'OK' } as const;
    expect([alarms.set(1, alarm), alarms.set(2, alarm), alarms.set(3, { ...alarm, state: 'ALARM' })]).toEqual([
      { ...alarm, since: 1 },
      { ...alarm, since: 1 },
      { ...alarm, state: 'ALARM', since: 3 },
    ]);
  });

  it('is told of by its name, and a composite one to those who ask for such', async () => {
    await set({ name: 'b', state: 'ALARM', type: 'CompositeAlarm' });
    await set({ name: 'a', state: 'OK' });
    const told = async (input: DescribeAlarmsCommandInput): Promise<unknown> => {
      const { MetricAlarms = [], CompositeAlarms = [] } = await ask(input);
      return [MetricAlarms.map((one) => one.AlarmName), CompositeAlarms.map((one) => one.AlarmName)];
    };
    expect(await told({})).toEqual([['a'], []]);
    expect(await told({ AlarmTypes: ['CompositeAlarm'] })).toEqual([[], ['b']]);
    const both = { AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] } satisfies DescribeAlarmsCommandInput;
    expect(await told(both)).toEqual([['a'], ['b']]);
    expect(await told({ ...both, AlarmNames: ['b', 'none'] })).toEqual([[], ['b']]);
  });

  it('is on one page of several, fifty unless more are asked for', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `alarm-${100 + n}`);
    for (const name of names) at.sim.model.alarms.set(0, { name, type: 'MetricAlarm', state: 'OK' });
    const first = await ask();
    const second = await ask({ NextToken: first.NextToken });
    expect([first.MetricAlarms?.length, second.MetricAlarms?.length, second.NextToken]).toEqual([50, 10, undefined]);
    expect([...(first.MetricAlarms ?? []), ...(second.MetricAlarms ?? [])].map((one) => one.AlarmName)).toEqual(names);
    expect((await ask({ MaxRecords: 60 })).NextToken).toBeUndefined();
  });
});

describe('it refuses', () => {
  it.each<[string, DescribeAlarmsCommandInput]>([
    ['too many names', { AlarmNames: Array.from({ length: 101 }, (_, n) => `${n}`) }],
    ['a name that no alarm can have', { AlarmNames: [''] }],
    ['too long a page', { MaxRecords: 101 }],
  ])('%s', async (_what, input) => {
    await expect(ask(input)).rejects.toMatchObject({ name: 'ValidationException', $metadata: { httpStatusCode: 400 } });
  });

  it('other operations, and what is no JSON', async () => {
    const post = async (operation: string, body: string): Promise<unknown> => {
      const headers = { 'X-Amz-Target': `GraniteServiceVersion20100801.${operation}` };
      const response = await fetch(at.sim.url, { method: 'POST', headers, body });
      return [response.status, ((await response.json()) as { readonly __type: string }).__type];
    };
    expect(await post('PutMetricData', '{}')).toEqual([400, 'com.amazonaws.cloudwatch#UnknownOperationException']);
    expect(await post('DescribeAlarms', '{')).toEqual([400, 'com.amazonaws.cloudwatch#ValidationException']);
  });

  it.each([
    ['a state that is none', { name: 'a', state: 'MISSING' }],
    ['an alarm without a name', { state: 'OK' }],
    ['what it does not know', { name: 'a', state: 'OK', colour: 'red' }],
  ])('%s', async (_what, alarm) => {
    expect((await at.admin('POST', '/alarms', alarm)).status).toBe(400);
    expect((await ask()).MetricAlarms).toEqual([]);
  });
});
