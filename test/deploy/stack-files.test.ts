/** The image and the compose stack, as far as they can be checked without a container engine: every command and check they name is run. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { settingRows } from '../../src/config.ts';
import { freePort } from '../../scripts/local/ports.ts';
import { eventually } from '../system/stack.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
};
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const servicesOf = (profile: string): readonly string[] =>
  services.filter(([, service]) => service.profiles?.includes(profile) ?? true).map(([name]) => name);

/** Settings of other programs that the stack may use. */
const FOREIGN =
  /^(AWS_(REGION|PROFILE|ENDPOINT_URL_ECS|ACCESS_KEY_ID|SECRET_ACCESS_KEY)|NODE_ENV|NODE_OPTIONS|GLIBC_TUNABLES)$/;
const known = new Set(settingRows().map((row) => row.env));

describe('the compose stack', () => {
  test('has a local profile with a simulator, and one for a real account without', () => {
    expect(servicesOf('local')).toEqual(['etcd', 'redis', 'simulator', 'api', 'worker']);
    expect(servicesOf('aws')).toEqual(['etcd', 'redis', 'api-aws', 'worker-aws']);
    for (const name of ['api-aws', 'worker-aws']) {
      const service = compose.services[name];
      expect(service?.volumes).toContain('~/.aws:/home/node/.aws:ro');
      expect(Object.keys(service?.environment ?? {})).not.toContain('AWS_ENDPOINT_URL_ECS');
      expect(Object.keys(service?.environment ?? {})).not.toContain('AWS_ACCESS_KEY_ID');
    }
  });

  test('keeps simulated records apart from real ones: the profiles have the same etcd and Redis', () => {
    const placesOf = (name: string): readonly (string | undefined)[] =>
      ['DS_ETCD_PREFIX', 'DS_REDIS_PREFIX'].map((setting) => compose.services[name]?.environment?.[setting]);
    for (const name of ['api', 'worker']) expect(placesOf(name)).toEqual(['/sim/v1/', 'sim']);
    for (const name of ['api-aws', 'worker-aws']) expect(placesOf(name)).toEqual([undefined, undefined]);
  });

  test('can scale its workers: they hold no port and no name', () => {
    for (const name of ['worker', 'worker-aws']) {
      const service = compose.services[name];
      expect(service?.ports).toBeUndefined();
      expect(Object.keys(service ?? {})).not.toContain('container_name');
    }
  });

  test('keeps etcd and Redis safe: history compacted, nothing evicted, data in volumes', () => {
    expect(compose.services['etcd']?.command.join(' ')).toContain('--auto-compaction-retention=');
    const redis = compose.services['redis']?.command.join(' ') ?? '';
    expect(redis).toContain('--maxmemory-policy noeviction');
    expect(redis).toContain('--appendonly yes');
    expect(Object.keys(compose.volumes)).toEqual(['etcd-data', 'redis-data']);
  });

  test('uses only settings that exist', () => {
    const used = services.flatMap(([, service]) => Object.keys(service.environment ?? {}));
    const inImage = [...dockerfile.matchAll(/\b([A-Z][A-Z_]+)=\S/g)].map((match) => match[1] ?? '');
    expect(inImage).toEqual(['NODE_ENV', 'NODE_OPTIONS', 'GLIBC_TUNABLES', 'DS_BIND', 'DS_METRICS_BIND']);
    expect(used.length).toBeGreaterThan(10);
    expect([...used, ...inImage].filter((name) => !known.has(name) && !FOREIGN.test(name))).toEqual([]);
  });

  test('publishes ports on loopback only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});

describe('the image', () => {
  const lines = dockerfile.split('\n');

  test('is built from the lockfile, in two stages, and runs as nobody special under an init', () => {
    // glibc, by which the memory of a worker was measured.
    expect(lines.filter((line) => line.startsWith('FROM node:24-slim'))).toHaveLength(2);
    expect(dockerfile).toContain('apt-get install --yes --no-install-recommends tini');
    expect(dockerfile).toContain('npm ci');
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["\/usr\/bin\/tini", "--", "node", "dist\/bin\/daemon-scheduler\.js"\]$/m);
    expect(dockerfile).toMatch(/^VOLUME \/var\/output\/logs$/m);
    expect(dockerfile).toContain('DS_BIND=0.0.0.0:2000');
  });

  test('copies only what the build context lets in', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([]);
  });
});

describe('what they run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ds-stack-'));
  const children: ChildProcess[] = [];
  let ports: { api: number; metrics: number; simulator: number; etcd: number; peer: number; redis: number };

  beforeAll(async () => {
    const free = [];
    for (let n = 0; n < 6; n += 1) free.push(await freePort());
    const [api = 0, metrics = 0, simulator = 0, etcd = 0, peer = 0, redis = 0] = free;
    ports = { api, metrics, simulator, etcd, peer, redis };
    const built = spawnSync('npm', ['run', 'build', '--', '--outDir', join(root, 'node_modules/.cache/stack')], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(built.stdout + built.stderr, 'the build of the image').not.toMatch(/error/i);
    expect(built.status).toBe(0);
  }, 120_000);

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** A container's hosts and ports, as they are on this machine. */
  const here = (text: string): string =>
    text
      .replaceAll('0.0.0.0:2000', `127.0.0.1:${ports.api}`)
      .replaceAll('0.0.0.0:9464', `127.0.0.1:${ports.metrics}`)
      .replaceAll('127.0.0.1:9464', `127.0.0.1:${ports.metrics}`)
      .replaceAll(/(simulator|127\.0\.0\.1):4600/g, `127.0.0.1:${ports.simulator}`)
      .replaceAll('http://etcd:2379', inject('etcdUrl'))
      .replaceAll('redis://redis:6379', inject('redisUrl'))
      .replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');

  const start = (
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    return child;
  };

  /** Runs a health check as its container would, until it passes. */
  const healthy = async (check: readonly string[]): Promise<void> => {
    const [program = '', ...args] = check.map(here);
    await eventually(
      async () => spawnSync(program, args, { encoding: 'utf8', timeout: 3_000 }).status,
      (status) => status === 0,
      `${program} ${args.join(' ')}`,
    );
  };

  const imageEnvironment = (): Record<string, string> => ({
    DS_BIND: here('0.0.0.0:2000'),
    DS_METRICS_BIND: here('0.0.0.0:9464'),
    NODE_NO_WARNINGS: '1',
  });
  const imageCheck = (): readonly string[] =>
    JSON.parse(/CMD (\["node", "-e".*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  const entry = ['node_modules/.cache/stack/bin/daemon-scheduler.js'];

  test.each(['simulator', 'api', 'worker', 'api-aws', 'worker-aws'])(
    '%s starts by its command, passes its check, and ends at SIGTERM',
    async (name) => {
      const service = compose.services[name];
      if (service === undefined) throw new Error(`no service ${name}`);
      const environment = Object.fromEntries(
        Object.entries(service.environment ?? {}).map(([key, value]) => [key, here(value)]),
      );
      const command = service.command
        .map((word) => here(word))
        .map((word) => (word === '4600' ? String(ports.simulator) : word === '0.0.0.0' ? '127.0.0.1' : word));
      const check = service.healthcheck?.test.slice(1) ?? imageCheck();
      expect(check.length).toBeGreaterThan(2);
      const child = start('node', [...entry, ...command], {
        ...imageEnvironment(),
        ...environment,
        DS_ETCD_PREFIX: '/stack-files/',
        DS_REDIS_PREFIX: 'stack-files',
      });
      await healthy(check);
      const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
    },
  );

  test('etcd starts by its command and passes its check', async () => {
    const { command, healthcheck } = compose.services['etcd'] ?? { command: [] };
    const words = command.map((word) =>
      word
        .replace('/etcd-data', join(folder, 'etcd'))
        .replace('0.0.0.0:2379', `127.0.0.1:${ports.etcd}`)
        .replace('etcd:2379', `127.0.0.1:${ports.etcd}`),
    );
    const peer = `http://127.0.0.1:${ports.peer}`;
    const [program = '', ...args] = words;
    start(program, [...args, `--listen-peer-urls=${peer}`, '--log-level=error']);
    const check = healthcheck?.test.slice(1).map((word) => word.replace(':2379', `:${ports.etcd}`)) ?? [];
    expect(check.join(' ')).toContain('endpoint health');
    await healthy(check);
  });

  test('Redis starts by its command and passes its check', async () => {
    const { command, healthcheck } = compose.services['redis'] ?? { command: [] };
    const [program = '', ...args] = command;
    start(program, [...args, '--port', String(ports.redis), '--dir', folder]);
    const [cli = '', ...rest] = healthcheck?.test.slice(1) ?? [];
    await healthy([cli, '-p', String(ports.redis), ...rest]);
  });
});
