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
  /** Of API and workers. */
  readonly flags?: readonly string[];
  /** Workers take events from a queue of the simulator. */
  readonly events?: boolean;
}

export interface System {
  readonly api: string;
  readonly ecs: string;
  readonly etcd: string;
  readonly redis: string;
  /** Process ids, by part; of several workers, the first one's. */
  pid(part: 'api' | 'worker'): number;
  /** Stops the workers there are, and starts so many; at first there is one, `worker`. */
  workers(count: number): Promise<void>;
}

/** Without ECS's buckets nothing need be saved: a rate that is never the limit. */
const UNLIMITED = ['--ecs-rate=10000'];
/** Where the simulator has its queue. */
const QUEUE_PATH = '/123456789012/events';
/** Room for a task of every environment on each host. */
const ROOMY = ['--host-cpu=1000000', '--host-memory=1000000'];

/** What an orchestrator grants. */
const STOP_WITHIN_MS = 10_000;

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
  if (options.events === true) flags.push(`--sqs-queue-url=${ecs}${QUEUE_PATH}`);
  const died = new AbortController();
  const processes = new Processes({
    logs: place.logs,
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...partEnvironment(process.env, ecs),
      DS_LOG_LEVEL: 'warn',
    },
    onDeath: (death) => died.abort(death),
  });
  try {
    const simulated = {
      port: ports.simulator,
      hosts: options.hosts,
      flags: [
        ...ROOMY,
        ...(options.buckets ? [] : ['--throttling=off']),
        ...(options.events === true ? ['--events=on'] : []),
      ],
    };
    await processes.start(
      [etcd({ dir: place.data, port: ports.etcd, peerPort: ports.peer }), redis(ports.redis), simulator(simulated)],
      died.signal,
    );
    await processes.start([api(ports.api, flags), worker('worker', ports.worker, flags)], died.signal);
    let working: readonly string[] = ['worker'];
    const system: System = {
      api: `http://127.0.0.1:${ports.api}`,
      ecs,
      etcd: etcdUrl,
      redis: redisUrl,
      pid: (part) => processes.pid(part === 'api' ? part : (working[0] ?? part)),
      async workers(count) {
        await Promise.all(working.map((name) => processes.terminate(name, STOP_WITHIN_MS)));
        working = Array.from({ length: count }, (_, n) => `worker-${n + 1}`);
        const free = await freePorts(...working);
        const parts = working.map((name) => worker(name, free[name] ?? 0, flags));
        await processes.start(parts, died.signal);
      },
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
