/**
 * The real thing, to be hurt: etcd, Redis, the simulated ECS, an API and workers, a process each on loopback. Between each
 * worker and each thing it talks to lies a TCP proxy of its own.
 */
import { Redis } from 'ioredis';
import { api, etcd, partEnvironment, redis, simulator, worker } from '../scripts/local/parts.ts';
import { makePlace, type Place } from '../scripts/local/place.ts';
import { freePorts } from '../scripts/local/ports.ts';
import { Processes, type Part } from '../scripts/local/processes.ts';
import { openEtcdStore, type EtcdStore } from '../src/store/etcd-store.ts';
import { startTcpProxy, type TcpProxy } from '../test/support/tcp-proxy.ts';
import { Claims } from './claims.ts';
import { schedulerApi, simulatedEcs, type SchedulerApi, type SimulatedEcs } from './clients.ts';

/** What a worker talks to. */
export const PEERS = ['etcd', 'redis', 'ecs'] as const;
export type Peer = (typeof PEERS)[number];

/** A worker's place: the process in it may be another after a fault, name and links stay. */
export interface Seat {
  readonly name: string;
  readonly links: Readonly<Record<Peer, TcpProxy>>;
  readonly metricsUrl: string;
  readonly part: Part;
}

export interface SystemOptions {
  readonly workers: number;
  /** Hosts of the cluster `default`. */
  readonly hosts: number;
}

/** Settings of the scheduler in a chaos run: short enough that minutes show what takes hours with the defaults. */
export const TIMES = {
  surveyMs: 1_000,
  sweepMs: 5_000,
  ecsTimeoutMs: 1_500,
  actWithinMs: 1_500,
  clockSkewMs: 300,
  startGraceMs: 2_000,
} as const;

const FLAGS = [
  `--survey-interval=${TIMES.surveyMs}`,
  `--sweep-interval=${TIMES.sweepMs}`,
  `--ecs-timeout=${TIMES.ecsTimeoutMs}`,
  `--act-within=${TIMES.actWithinMs}`,
  `--clock-skew=${TIMES.clockSkewMs}`,
  `--start-grace=${TIMES.startGraceMs}`,
];
/** Room for a task of every environment of a run on each host. */
const ROOMY = ['--host-cpu=1000000', '--host-memory=1000000'];

export class ChaosSystem {
  readonly apiUrl: string;
  readonly api: SchedulerApi;
  readonly ecs: SimulatedEcs;
  readonly store: EtcdStore;
  readonly claims: Claims;
  readonly redisPort: number;
  readonly seats: readonly Seat[];
  readonly processes: Processes;
  /** Aborts when a process ends that nobody asked to: a broken promise of its own. */
  readonly died: AbortSignal;
  readonly place: Place;
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #proxies: readonly TcpProxy[];

  /** Starts everything; `close` ends it. */
  static async start(options: SystemOptions): Promise<ChaosSystem> {
    const place = await makePlace();
    const died = new AbortController();
    const ports = await freePorts('etcd', 'peer', 'redis', 'simulator', 'api');
    const ecsUrl = `http://127.0.0.1:${ports.simulator}`;
    const processes = new Processes({
      logs: place.logs,
      cwd: place.data,
      env: {
        ...partEnvironment(process.env, ecsUrl),
        DS_LOG_LEVEL: 'info',
      },
      onDeath: (death) => died.abort(death),
    });
    const proxies: TcpProxy[] = [];
    try {
      const link = async (port: number): Promise<TcpProxy> => {
        const proxy = await startTcpProxy({ port });
        proxies.push(proxy);
        return proxy;
      };
      const seats: Seat[] = [];
      for (let n = 1; n <= options.workers; n += 1) {
        const name = `worker-${n}`;
        const links = {
          etcd: await link(ports.etcd),
          redis: await link(ports.redis),
          ecs: await link(ports.simulator),
        };
        const { metrics } = await freePorts('metrics');
        const flags = [
          `--etcd-endpoint=${links.etcd.url}`,
          `--redis-url=redis://127.0.0.1:${links.redis.port}`,
          `--ecs-endpoint=${links.ecs.url}`,
          ...FLAGS,
        ];
        seats.push({
          name,
          links,
          metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
          part: worker(name, metrics, flags),
        });
      }
      const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
      const servers = [
        etcd({ dir: place.data, port: ports.etcd, peerPort: ports.peer }),
        redis(ports.redis),
        simulator({ port: ports.simulator, hosts: options.hosts, flags: ROOMY }),
      ];
      const own = api(ports.api, [
        `--etcd-endpoint=${etcdUrl}`,
        `--redis-url=redis://127.0.0.1:${ports.redis}`,
        ...FLAGS,
      ]);
      await processes.start(servers, died.signal);
      await processes.start([own, ...seats.map(({ part }) => part)], died.signal);
      const store = openEtcdStore({ endpoints: [etcdUrl] });
      return new ChaosSystem({ place, processes, died, proxies, seats, servers, own, store, ports, ecsUrl });
    } catch (error) {
      await processes.stop();
      await Promise.all(proxies.map((proxy) => proxy.close()));
      place.remove('logs');
      throw error;
    }
  }

  private constructor(started: {
    readonly place: Place;
    readonly processes: Processes;
    readonly died: AbortController;
    readonly proxies: readonly TcpProxy[];
    readonly seats: readonly Seat[];
    readonly servers: readonly Part[];
    readonly own: Part;
    readonly store: EtcdStore;
    readonly ports: { readonly redis: number; readonly api: number };
    readonly ecsUrl: string;
  }) {
    const { place, processes, died, seats, servers, own, store, ports } = started;
    this.place = place;
    this.processes = processes;
    this.died = died.signal;
    this.seats = seats;
    this.store = store;
    this.redisPort = ports.redis;
    this.apiUrl = `http://127.0.0.1:${ports.api}`;
    this.api = schedulerApi(this.apiUrl);
    this.ecs = simulatedEcs(started.ecsUrl);
    this.claims = new Claims(store);
    this.#parts = new Map([...servers, own, ...seats.map(({ part }) => part)].map((part) => [part.name, part]));
    this.#proxies = started.proxies;
  }

  /** Whether the process of that name runs. */
  runs(name: string): boolean {
    return this.processes.runs(name);
  }

  /** Starts a part that is down; does nothing to one that runs. */
  async restart(name: string): Promise<void> {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`there is no ${name}`);
    if (!this.runs(name)) await this.processes.start([part], this.died);
  }

  /** The seat whose worker claimed the environment last. */
  holderOf(environment: Parameters<Claims['lastPid']>[0]): Seat | null {
    const pid = this.claims.lastPid(environment);
    return this.seats.find(({ name }) => this.runs(name) && this.processes.pid(name) === pid) ?? null;
  }

  /** One command to Redis, past every proxy. */
  async onRedis<T>(ask: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.redisPort, '127.0.0.1');
    try {
      return await ask(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** The workers' logs, of all processes there were. */
  get workerLogs(): readonly string[] {
    return this.seats.map(({ name }) => this.processes.logFile(name));
  }

  /** Ends everything. `keep`: the logs stay, for people who must find out. */
  async close(keep?: 'logs'): Promise<void> {
    await this.claims.close();
    this.store.close();
    for (const { name } of this.seats) if (this.runs(name)) this.processes.signal(name, 'SIGCONT');
    await this.processes.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    this.place.remove(keep);
  }
}
