import { must, type Bench, type Row, type Size } from './bench.ts';
import { completed, create, deploy, json, ledgerOf, surveyed, until } from './clients.ts';
import { onSystem, type System } from './system.ts';

const ENVIRONMENTS: Readonly<Record<Size, number>> = { full: 400, tiny: 6 };
const WORKERS: Readonly<Record<Size, readonly number[]>> = { full: [1, 2, 3], tiny: [1] };
/** 0: what a worker's own work allows. 1,000: a slow day of ECS, on which turns wait and cores do not. */
const CALL_MS: Readonly<Record<Size, readonly number[]>> = { full: [0, 1_000], tiny: [0] };
/** Callers of the API at once. */
const AT_ONCE = 16;

export const scale: Bench = {
  name: 'scale',
  doc: 'Environments a second, from the first launch to the last, when all are deployed at once: with one worker and with more',
  async *run(size) {
    for (const callMs of CALL_MS[size]) {
      let one: number | null = null;
      for (const workers of WORKERS[size]) {
        const rate = await onSystem({ hosts: 1, buckets: false }, (system) =>
          measure(system, { size, workers, callMs }),
        );
        one ??= rate;
        yield row(`${workers} ${workers === 1 ? 'worker' : 'workers'}, ${callMs} ms a call`, rate, rate / one);
      }
    }
  },
};

const row = (what: string, rate: number, ratio: number): Row => ({
  what,
  figure: rate,
  unit: 'environments/s',
  limit: null,
  also: `${ratio.toFixed(2)} x one worker`,
});

interface Case {
  readonly size: Size;
  readonly workers: number;
  readonly callMs: number;
}

/** All is surveyed before; then they are deployed while no worker runs, so that the work is there when the workers come. */
async function measure(system: System, { size, workers, callMs }: Case): Promise<number> {
  const names = Array.from({ length: ENVIRONMENTS[size] }, (_, n) => `env-${n}`);
  const made = await inParallel(names, (name) => create(system, name));
  await inParallel(made, (environment) => surveyed(system, environment));
  await system.workers(0);
  if (callMs > 0) {
    const delay = { operation: 'RunTask', kind: 'delay', ms: callMs, when: 'before-commit' };
    await json(`${system.ecs}/_sim/faults`, delay);
  }
  await inParallel(made, (environment) => deploy(system, environment));
  await system.workers(workers);
  const { tasks } = await until(
    () => ledgerOf(system),
    (ledger) => ledger.tasks.length >= names.length,
    'every environment launched',
  );
  await inParallel(names, (name) => completed(system, name));
  must(tasks.length === names.length, `${tasks.length} launches for ${names.length} environments`);
  const at = tasks.map(({ createdAt }) => createdAt);
  return (1_000 * names.length) / Math.max(1, Math.max(...at) - Math.min(...at));
}

/** Answers in the order of the questions. */
async function inParallel<Q, A>(questions: readonly Q[], ask: (question: Q) => Promise<A>): Promise<readonly A[]> {
  const answers: A[] = [];
  const queue = questions.entries();
  const caller = async (): Promise<void> => {
    for (const [n, question] of queue) answers[n] = await ask(question);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  return answers;
}
