/**
 * Where environments stand, by the process that serves the API: it knows of all of them, whichever worker cares for them.
 * Asked for at each scrape; while etcd does not answer these series are missing, and the others are served.
 */
import { Gauge, type Registry } from 'prom-client';
import type { EnvironmentName } from '../domain/ids.ts';
import type { EnvironmentStatus } from '../domain/environment.ts';

export interface Standing {
  readonly name: EnvironmentName;
  /** null: never deployed, or its first turn is still to come. */
  readonly status: EnvironmentStatus | null;
}

export function exposeEnvironments(registry: Registry, standings: () => Promise<readonly Standing[]>): void {
  const known = async (): Promise<readonly Standing[]> => await standings().catch(() => []);
  const hosts = new Gauge({
    name: 'daemon_scheduler_environment_hosts',
    help: 'Hosts of an environment by state, as its last turn left them; eligible ones must have a task',
    labelNames: ['environment', 'state'] as const,
    registers: [],
    async collect() {
      const environments = await known();
      this.reset();
      for (const { name, status } of environments) {
        for (const [state, count] of Object.entries(status?.hosts ?? {})) {
          this.set({ environment: name, state }, count);
        }
      }
    },
  });
  const healthy = new Gauge({
    name: 'daemon_scheduler_environment_healthy',
    help: '1: healthy, 0: the environment has reasons why not, as its last turn left it',
    labelNames: ['environment'] as const,
    registers: [],
    async collect() {
      const environments = await known();
      this.reset();
      for (const { name, status } of environments) {
        if (status !== null) this.set({ environment: name }, status.health === 'healthy' ? 1 : 0);
      }
    },
  });
  for (const metric of [hosts, healthy]) registry.registerMetric(metric);
}
