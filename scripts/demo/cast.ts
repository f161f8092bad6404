/** Who plays in the demo. */
import { api, etcd, redis, simulator, worker } from '../local/parts.ts';
import { freePorts } from '../local/ports.ts';
import type { Part } from '../local/processes.ts';

export const WORKERS = ['worker-1', 'worker-2'] as const;
export type WorkerName = (typeof WORKERS)[number];

/** Quicker than the default of 10 s, so that the story is short. */
const SURVEY_INTERVAL_MS = 1_000;

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

export async function castOf({ dir, apiPort, simulatorPort, hosts }: CastOptions): Promise<Cast> {
  const ports = await freePorts('etcd', 'etcdPeer', 'redis', ...WORKERS);
  const flags = [
    `--etcd-endpoint=http://127.0.0.1:${ports.etcd}`,
    `--redis-url=redis://127.0.0.1:${ports.redis}`,
    `--survey-interval=${SURVEY_INTERVAL_MS}`,
  ];
  return {
    servers: [
      etcd({ dir, port: ports.etcd, peerPort: ports.etcdPeer }),
      redis(ports.redis),
      simulator({ port: simulatorPort, hosts }),
    ],
    scheduler: [api(apiPort, flags), ...WORKERS.map((name) => worker(name, ports[name], flags))],
  };
}
