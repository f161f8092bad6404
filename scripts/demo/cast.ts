/** Who plays in the demo. */
import { api, etcd, redis, simulator, worker } from '../local/parts.ts';
import { freePorts } from '../local/ports.ts';
import type { Part } from '../local/processes.ts';

export const WORKERS = ['worker-1', 'worker-2'] as const;
export type WorkerName = (typeof WORKERS)[number];

/** Quicker than the default of 10 s, so that the story is short. */
const SURVEY_INTERVAL_MS = 1_000;

/** Quicker than the default of 500 ms, as every round of a rollout waits for it. */
const TASK_START_MS = 300;
/** Told to the simulator, as the verdict counts back from the end of a task to the wish to stop it. */
export const TASK_STOP_MS = 300;

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
      simulator({
        port: simulatorPort,
        hosts,
        flags: [`--task-start-ms=${TASK_START_MS}`, `--task-stop-ms=${TASK_STOP_MS}`],
      }),
    ],
    scheduler: [api(apiPort, flags), ...WORKERS.map((name) => worker(name, ports[name], flags))],
  };
}
