/** The processes of a system on this machine: their command lines, and how one sees that they are ready. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Part } from './processes.ts';

export const CLUSTER = 'default';
export const REGION = 'us-east-1';
/** The simulator takes any; a real account would not know these. */
export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

const ANSWER_WITHIN_MS = 1_000;

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

/** An API that listens on `port`. */
export const api = (port: number, flags: readonly string[]): Part => ({
  name: 'api',
  command: daemonScheduler('serve', '--role=api', `--bind=127.0.0.1:${port}`, ...flags),
  ready: () => answers(`http://127.0.0.1:${port}/readyz`),
});

/** A worker that serves its metrics on `port`. */
export const worker = (name: string, port: number, flags: readonly string[]): Part => ({
  name,
  command: daemonScheduler('serve', '--role=worker', `--metrics-bind=127.0.0.1:${port}`, ...flags),
  ready: () => answers(`http://127.0.0.1:${port}/healthz`),
});

/** The command of a scheduler or simulator: as built by whoever set `DAEMON_SCHEDULER_BUILT`, which starts in half the time, or from the sources. */
export function daemonScheduler(...args: readonly string[]): [string, ...string[]] {
  const path = (of: string): string => fileURLToPath(new URL(`../../${of}`, import.meta.url));
  // One process each, so that killing it kills it: the `tsx` command would start node as a child.
  return process.env['DAEMON_SCHEDULER_BUILT'] === '1'
    ? [process.execPath, path('dist/bin/daemon-scheduler.js'), ...args]
    : [process.execPath, '--import', import.meta.resolve('tsx'), path('bin/daemon-scheduler.ts'), ...args];
}

export interface SimulatorPart {
  readonly port: number;
  readonly hosts: number;
  readonly flags?: readonly string[];
}

/** ECS's `distinctInstance` is off: what keeps a host from having two tasks is the scheduler alone. */
export function simulator({ port, hosts, flags = [] }: SimulatorPart): Part {
  return {
    name: 'simulator',
    command: daemonScheduler(
      'simulator',
      `--port=${port}`,
      `--hosts=${hosts}`,
      `--cluster=${CLUSTER}`,
      `--region=${REGION}`,
      '--distinct-instance=off',
      ...flags,
    ),
    ready: () => answers(`http://127.0.0.1:${port}/_sim/health`),
  };
}

export function etcd(at: { readonly dir: string; readonly port: number; readonly peerPort: number }): Part {
  const client = `http://127.0.0.1:${at.port}`;
  const peer = `http://127.0.0.1:${at.peerPort}`;
  return {
    name: 'etcd',
    command: [
      'etcd',
      '--name=local',
      `--data-dir=${join(at.dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=local=${peer}`,
    ],
    ready: () => answers(`${client}/health`),
  };
}

export function redis(port: number): Part {
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
