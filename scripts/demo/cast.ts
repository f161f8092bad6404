/** Who plays in the demo: every process with its command line, and how one sees that it is ready. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.ts';
import type { Part } from './processes.ts';

export const WORKERS = ['worker-1', 'worker-2'] as const;
export type WorkerName = (typeof WORKERS)[number];

export const CLUSTER = 'default';
export const REGION = 'us-east-1';
/** The simulator takes any; a real account would not know these. */
export const CREDENTIALS = { accessKeyId: 'demo', secretAccessKey: 'demo' } as const;

/** Quicker than the default of 10 s, so that the story is short. */
const SURVEY_INTERVAL_MS = 1_000;
const ANSWER_WITHIN_MS = 1_000;

export interface Cast {
  /** The servers the scheduler needs: they come first. */
  readonly servers: readonly Part[];
  readonly scheduler: readonly Part[];
}

export interface CastOptions {
  /** Where the servers keep their data. */
  readonly dir: string;
  readonly apiPort: number;
  readonly simulatorPort: number;
  readonly hosts: number;
}

export async function castOf(options: CastOptions): Promise<Cast> {
  const { dir, apiPort, simulatorPort, hosts } = options;
  const ports = await freePorts('etcd', 'etcdPeer', 'redis', ...WORKERS);
  const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
  const settings = [
    `--etcd-endpoint=${etcdUrl}`,
    `--redis-url=redis://127.0.0.1:${ports.redis}`,
    `--survey-interval=${SURVEY_INTERVAL_MS}`,
  ];
  const serve = (name: string, role: string, address: string, ready: string): Part => ({
    name,
    command: daemonScheduler('serve', `--role=${role}`, address, ...settings),
    ready: () => answers(ready),
  });
  return {
    servers: [
      etcd({ dir, port: ports.etcd, peerPort: ports.etcdPeer }),
      redis(ports.redis),
      simulator({ port: simulatorPort, hosts }),
    ],
    scheduler: [
      serve('api', 'api', `--bind=127.0.0.1:${apiPort}`, `http://127.0.0.1:${apiPort}/readyz`),
      ...WORKERS.map((name) => {
        const address = `127.0.0.1:${ports[name]}`;
        return serve(name, 'worker', `--metrics-bind=${address}`, `http://${address}/healthz`);
      }),
    ],
  };
}

/** The environment of all parts: the caller's, but nothing in it that could lead them to a real account or to other servers. */
export function partEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  simulatorUrl: string,
): Readonly<Record<string, string>> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (!/^(AWS|DS|ECS|ETCD)_/.test(entry[0]) || entry[0] === 'ETCD_UNSUPPORTED_ARCH'),
  );
  return {
    ...Object.fromEntries(kept),
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_ENDPOINT_URL_ECS: simulatorUrl,
  };
}

function daemonScheduler(...args: readonly string[]): [string, ...string[]] {
  const bin = fileURLToPath(new URL('../../bin/daemon-scheduler.ts', import.meta.url));
  // One process each, so that killing it kills it: the `tsx` command would start node as a child.
  return [process.execPath, '--import', import.meta.resolve('tsx'), bin, ...args];
}

/** ECS's `distinctInstance` is off: what keeps a host from having two tasks is the scheduler alone. */
function simulator({ port, hosts }: { readonly port: number; readonly hosts: number }): Part {
  return {
    name: 'simulator',
    command: daemonScheduler(
      'simulator',
      `--port=${port}`,
      `--hosts=${hosts}`,
      `--cluster=${CLUSTER}`,
      `--region=${REGION}`,
      '--distinct-instance=off',
    ),
    ready: () => answers(`http://127.0.0.1:${port}/_sim/health`),
  };
}

function etcd(at: { readonly dir: string; readonly port: number; readonly peerPort: number }): Part {
  const client = `http://127.0.0.1:${at.port}`;
  const peer = `http://127.0.0.1:${at.peerPort}`;
  return {
    name: 'etcd',
    command: [
      'etcd',
      '--name=demo',
      `--data-dir=${join(at.dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=demo=${peer}`,
    ],
    ready: () => answers(`${client}/health`),
  };
}

function redis(port: number): Part {
  return {
    name: 'redis',
    // Nothing is saved: losing Redis costs time, nothing else.
    command: [
      'redis-server',
      ...`--port ${port} --bind 127.0.0.1 --appendonly no --maxmemory-policy noeviction`.split(' '),
      '--save',
      '',
    ],
    async ready() {
      const socket = connect(port, '127.0.0.1');
      try {
        socket.write('PING\r\n');
        const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })) as [Buffer];
        return answer.toString().startsWith('+PONG');
      } finally {
        socket.destroy();
      }
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  await response.arrayBuffer();
  return response.ok;
}
