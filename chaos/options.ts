import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly workers: number;
  /** Part of the kind of the faults to play, without the large rollout; empty: all, and the rollout. */
  readonly only: string;
}

export type ReadOptions =
  | { readonly kind: 'options'; readonly options: ChaosOptions }
  | { readonly kind: 'help' | 'wrong'; readonly text: string };

const HELP = `npm run chaos -- [--minutes 5] [--seed S] [--workers 3] [--only KIND]
  --minutes  how long to go on breaking things
  --seed     of the choices; another one each time when left out. It repeats what is asked for, not when it strikes
  --workers  worker processes, 3 or more: enough are left to take over
  --only     faults whose kind contains this, in quotes; those of ECS come with them`;

const SEED_MOST = 4_294_967_295;
const MINUTES_MOST = 24 * 60;
const WORKERS_LEAST = 3;
const WORKERS_MOST = 10;

export function readOptions(argv: readonly string[], anySeed: () => number): ReadOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: '5' },
        seed: { type: 'string' },
        workers: { type: 'string', default: '3' },
        only: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help', text: HELP };
    const minutes = Number(values.minutes);
    if (!(minutes > 0 && minutes <= MINUTES_MOST))
      throw new Error(`--minutes must be above 0, at most ${MINUTES_MOST}`);
    const seed = values.seed === undefined ? anySeed() : whole('--seed', values.seed, 0, SEED_MOST);
    const workers = whole('--workers', values.workers, WORKERS_LEAST, WORKERS_MOST);
    return { kind: 'options', options: { minutes, seed, workers, only: values.only } };
  } catch (error) {
    return { kind: 'wrong', text: `chaos: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`${flag} must be a whole number from ${least} to ${most}`);
  return value;
}
