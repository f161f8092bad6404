import { describe, expect, test } from 'vitest';
import { parseConfig, policyOf, settingRows, surveyIntervals, unknownVariables, type Config } from '../src/config.ts';
import { SETTINGS } from '../src/settings.ts';

const read = (argv: readonly string[], env: Record<string, string> = {}): Config => {
  const parsed = parseConfig(argv, env);
  if (parsed.kind !== 'config') throw new Error(JSON.stringify(parsed));
  return parsed.config;
};

const faults = (argv: readonly string[], env: Record<string, string> = {}): readonly string[] => {
  const parsed = parseConfig(argv, env);
  return parsed.kind === 'wrong' ? parsed.faults : [];
};

describe('settings', () => {
  test('the defaults hold without any flag or variable', () => {
    const config = read([]);
    expect(config.bind).toEqual({ host: '127.0.0.1', port: 2000 });
    expect(config.etcdEndpoints).toEqual(['http://127.0.0.1:2379']);
    expect(surveyIntervals(config)).toEqual({ alone: 10_000, withEvents: 60_000 });
    expect(config.sqsQueueUrl).toBeNull();
    expect(config.cssEndpoint).toBeNull();
    expect(config.ecsEndpoint).toBeNull();
    expect(config.metricsBind).toBeNull();
    expect(policyOf(config).primitive).toBe('RunTask');
  });

  test('a flag wins over the environment, the environment over the default', () => {
    expect(read([], { DS_ATTEMPTS: '5' }).attempts).toBe(5);
    expect(read(['--attempts', '7'], { DS_ATTEMPTS: '5' }).attempts).toBe(7);
  });

  test('a turn promises as many launches as the rate allows to send', () => {
    const launches = (rate: number): number => policyOf(read(['--ecs-rate', String(rate)])).launchesPerTurn;
    expect([1, 10, 100, 10_000].map(launches)).toEqual([2, 25, 250, 1_000]);
  });

  test('events slow the survey down, unless its pace was given', () => {
    expect(surveyIntervals(read(['--survey-interval', '500']))).toEqual({ alone: 500, withEvents: 500 });
    expect(surveyIntervals(read([], { DS_SURVEY_INTERVAL_MS: '' }))).toEqual({ alone: 10_000, withEvents: 60_000 });
  });

  test('a queue and a cluster-state-service are named by their addresses', () => {
    const queue = 'https://sqs.eu-west-1.amazonaws.com/123456789012/events';
    expect(read([], { DS_SQS_QUEUE_URL: queue }).sqsQueueUrl).toBe(queue);
    expect(read([], { ECS_ENDPOINT: 'http://ecs:4600' }).ecsEndpoint).toBe('http://ecs:4600');
    expect(read(['--css-endpoint', 'css:3000']).cssEndpoint).toEqual({ host: 'css', port: 3000 });
  });

  test('etcd endpoints are repeated or separated by commas', () => {
    const both = ['http://a:1', 'http://b:2'];
    expect(read(['--etcd-endpoint', 'http://a:1', '--etcd-endpoint', 'http://b:2']).etcdEndpoints).toEqual(both);
    expect(read([], { DS_ETCD_ENDPOINTS: 'http://a:1, http://b:2' }).etcdEndpoints).toEqual(both);
  });

  test('an address may be IPv6', () => {
    expect(read(['--bind', '[::1]:2000']).bind).toEqual({ host: '::1', port: 2000 });
  });

  test.each([
    [['--bind', 'nowhere'], '--bind must be HOST:PORT'],
    [['--bind', 'a:70000'], '--bind must have a port from 0 to 65535'],
    [['--attempts', '0'], '--attempts must be a whole number of attempts from 1 to 100'],
    [['--attempts', '-1e3'], "Option '--attempts' argument is ambiguous"],
    [['--survey-interval', '1.5'], '--survey-interval must be a whole number of milliseconds from 100 to 3600000'],
    [['--redis-url', 'localhost'], '--redis-url must be a URL like redis://127.0.0.1:6379'],
    [['--etcd-endpoint', 'localhost:2379'], '--etcd-endpoint must be a URL like http://127.0.0.1:2379'],
    [['--etcd-endpoint', 'http://a:1,http://me:secret@b:2'], '--etcd-endpoint must not have a user or a password'],
    [['--sqs-queue-url', 'events'], '--sqs-queue-url must be a URL like'],
    [['--ecs-endpoint', 'foo'], '--ecs-endpoint must be a URL like http://127.0.0.1:4600'],
    [['--ecs-endpoint', 'ftp://foo'], '--ecs-endpoint must be a URL like'],
    [['--css-endpoint', 'css'], '--css-endpoint must be HOST:PORT'],
    [['--role', 'boss'], '--role must be one of all, api, worker'],
    [['--attempts', '1', '--attempts', '2'], '--attempts is given more than once'],
    [['--no-such-flag'], "Unknown option '--no-such-flag'; see --help"],
    [['frob'], 'This command does not take positional arguments; see --help'],
    [['stray'], "Unexpected argument 'stray'"],
  ])('%j is refused by name and rule', (argv, fault) => {
    expect(faults(argv).join('\n')).toContain(fault);
  });

  test('whatever is set, what must be longer than what is so', () => {
    const longest = { 'act-within': 60_000, 'ecs-timeout': 60_000, 'clock-skew': 120_000, visibility: 3_600_000 };
    const flags = Object.entries(longest).map(([flag, ms]) => [`--${flag}`, ms] as const);
    for (const [flag, ms] of flags) expect(faults([flag, String(ms + 1)])).toHaveLength(1);
    const policy = policyOf(read(flags.flatMap(([flag, ms]) => [flag, String(ms)])));
    const over = policy.actWithinMs + policy.requestTimeoutMs + policy.clockSkewMs;
    // ECS remembers a key, and describes what stopped, for an hour.
    expect(policy.replayWithinMs + over + policy.signatureMs).toBeLessThan(60 * 60_000);
    expect(policy.missingAfterMs).toBeGreaterThanOrEqual(policy.visibilityMs);
    expect(policy.signatureMs).toBeGreaterThan(over);
    expect(policy.supersededAfterMs).toBeGreaterThan(2 * policy.clockSkewMs);
  });

  test('a wrong variable is named as a variable', () => {
    expect(faults([], { DS_BIND: 'x' })).toEqual(['DS_BIND must be HOST:PORT']);
  });

  test('variables that look like settings and are none are told, with what the simulator has left out', () => {
    const strangers = { DS_ETCD_ENDPOINT: 'http://a:1', DS_BNID: '', DS_SURVEY_INTERVAL: '5' };
    const known = { DS_BIND: 'x', DS_SIM_PORT: '1', ECS_ENDPOINT: 'x', HOME: 'x', MY_DS_X: 'x' };
    expect(unknownVariables({ ...strangers, ...known })).toEqual(Object.keys(strangers).toSorted());
  });

  test('an empty variable is one that is not set; an empty flag is a mistake', () => {
    const empty = Object.fromEntries(settingRows().map(({ env }) => [env, '']));
    expect(read([], empty)).toEqual(read([]));
    expect(faults(['--role='])).toHaveLength(1);
  });

  test('no two settings share a flag or a variable, and every one is explained', () => {
    const rows = settingRows();
    expect(rows).toHaveLength(Object.keys(SETTINGS).length);
    expect(new Set(rows.map((row) => row.flag)).size).toBe(rows.length);
    expect(new Set(rows.map((row) => row.env)).size).toBe(rows.length);
    for (const row of rows) expect(row.doc.length).toBeGreaterThan(20);
  });
});
