/** The whole system as separate processes, for as long as a benchmark needs it. */
import { fileURLToPath } from 'node:url';
import { api, etcd, partEnvironment, redis, simulator, worker } from '../scripts/local/parts.ts';
import { makePlace } from '../scripts/local/place.ts';
import { freePorts } from '../scripts/local/ports.ts';
import { Processes } from '../scripts/local/processes.ts';

export interface SystemOptions {
  readonly hosts: number;
  /** ECS's own throttling, as the simulator does it. */
  readonly buckets: boolean;
  /** Of API and worker. */
  readonly flags?: readonly string[];
}

export interface System {
  readonly api: string;
  readonly ecs: string;
  readonly etcd: string;
  readonly redis: string;
  /** Process ids, by part. */
  pid(part: 'api' | 'worker'): number;
}

/** Without ECS's buckets nothing need be saved: a rate that is never the limit. */
const UNLIMITED = ['--ecs-rate=10000'];
/** Room for a task of every environment on each host. */
const ROOMY = ['--host-cpu=1000000', '--host-memory=1000000'];

/** Starts it, runs the benchmark, and stops it, whatever comes. */
export async function onSystem<T>(options: SystemOptions, run: (system: System) => Promise<T>): Promise<T> {
  const place = await makePlace();
  const ports = await freePorts('etcd', 'peer', 'redis', 'simulator', 'api', 'worker');
  const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
  const redisUrl = `redis://127.0.0.1:${ports.redis}`;
  const flags = [
    `--etcd-endpoint=${etcdUrl}`,
    `--redis-url=${redisUrl}`,
    ...(options.buckets ? [] : UNLIMITED),
    ...(options.flags ?? []),
  ];
  const ecs = `http://127.0.0.1:${ports.simulator}`;
  const died = new AbortController();
  const processes = new Processes({
    logs: place.logs,
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...partEnvironment(process.env, ecs),
      DS_LOG_LEVEL: 'warn',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    onDeath: (death) => died.abort(death),
  });
  try {
    const simulated = {
      port: ports.simulator,
      hosts: options.hosts,
      flags: [...ROOMY, ...(options.buckets ? [] : ['--throttling=off'])],
    };
    await processes.start(
      [etcd({ dir: place.data, port: ports.etcd, peerPort: ports.peer }), redis(ports.redis), simulator(simulated)],
      died.signal,
    );
    await processes.start([api(ports.api, flags), worker('worker', ports.worker, flags)], died.signal);
    const system: System = {
      api: `http://127.0.0.1:${ports.api}`,
      ecs,
      etcd: etcdUrl,
      redis: redisUrl,
      pid: (part) => processes.pid(part),
    };
    return await Promise.race([
      run(system),
      new Promise<never>((_, reject) => died.signal.addEventListener('abort', () => reject(died.signal.reason))),
    ]);
  } finally {
    await processes.stop();
    place.remove();
  }
}
