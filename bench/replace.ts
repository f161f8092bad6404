import { must, type Bench, type Size } from './bench.ts';
import { completed, create, deploy, ledgerOf, surveyed, until } from './clients.ts';
import { onSystem } from './system.ts';

const HOSTS: Readonly<Record<Size, number>> = { full: 5_000, tiny: 20 };
/** ECS documentation, request throttling: StopTask and RunTask share a bucket of 100 at once and 40 a second. */
const BURST = 100;
const PER_SECOND = 40;
const HOSTS_PER_RUN_TASK = 10;

export const replace: Bench = {
  name: 'replace',
  doc: 'Every task once, ECS buckets on: the environment is deleted and created again, so each host is stopped and then started',
  async *run(size) {
    const hosts = HOSTS[size];
    yield await onSystem({ hosts, buckets: true }, async (system) => {
      const live = async (): Promise<number> =>
        (await ledgerOf(system)).tasks.filter((task) => task.stoppedAt === null).length;
      const first = await create(system, 'bench');
      await surveyed(system, first);
      await deploy(system, first);
      await completed(system, 'bench');
      const began = Date.now();
      await fetch(`${system.api}/v1/environments/bench`, { method: 'DELETE' });
      const again = await until(
        () => create(system, 'bench').catch(() => null),
        (made) => made !== null,
        'the name is free',
      );
      if (again !== null) await deploy(system, again);
      await completed(system, 'bench');
      const { tasks, maxLivePerHostAndGroup } = await ledgerOf(system);
      must(tasks.length === 2 * hosts && (await live()) === hosts, `${tasks.length} tasks`);
      must(maxLivePerHostAndGroup === 1, 'two tasks on a host');
      const last = tasks.reduce((latest, task) => Math.max(latest, task.createdAt), 0);
      const calls = hosts + hosts / HOSTS_PER_RUN_TASK;
      return {
        what: `${hosts} tasks replaced`,
        figure: (last - began) / 1_000,
        unit: 's',
        limit: size === 'full' ? (calls - BURST) / PER_SECOND : null,
      };
    });
  },
};
