/** The end of a run, for people. */
import type { LogCounts } from './logs.ts';
import { percentile, type Tally } from './tally.ts';

export interface Figures {
  readonly seed: number;
  readonly seconds: number;
  readonly workers: number;
  readonly launches: number;
  readonly tokenReplays: number;
  readonly maxLive: number;
  readonly uncoveredHostSeconds: number;
  /** Host-seconds of an environment that a host should have had a task. */
  readonly wantedHostSeconds: number;
  readonly logs: LogCounts;
  readonly events: ReadonlyMap<string, number>;
}

export function renderTable(tally: Tally, figures: Figures): readonly string[] {
  const faults = [...tally.faults]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, { asked, seen }]): Line => [kind, seen === asked ? `${seen}` : `${seen} (of ${asked} tried)`]);
  const { logs } = figures;
  return [
    ...columns([
      ['fault, seen to happen', 'times'],
      RULE,
      ...faults,
      RULE,
      ['together', `${tally.seen} of ${tally.kinds} kinds`],
    ]),
    '',
    ...columns([['meanwhile', 'times'], RULE, ...[...figures.events].map(([kind, n]): Line => [kind, `${n}`])]),
    '',
    ...columns([
      ['what came of it', ''],
      RULE,
      ['seed', `${figures.seed}`],
      ['time, workers', `${figures.seconds.toFixed(0)} s, ${figures.workers}`],
      ['rounds', `${tally.rounds.length}`],
      ['launches', `${figures.launches}`],
      ['replays sent, absorbed by ECS', `${logs.replays}, ${figures.tokenReplays}`],
      ['writes fenced off', `${logs.fenced}`],
      ['commits whose answer was lost', `${logs.unknown}`],
      ['takeover after kill -9 or SIGSTOP', spread(tally.takeoversMs)],
      ['hand-over after SIGTERM', spread(tally.handOversMs)],
      ['exit after SIGTERM', spread(tally.exitsMs)],
      ['API refuses a read without etcd', spread(tally.refusalsMs)],
      ['API answers a read without Redis', spread(tally.readsMs)],
      ['from calm to all covered', spread(tally.convergedMs)],
      ['duplicates: most tasks at once on a host', `${figures.maxLive}`],
      ['duplicates: second tasks stopped', `${logs.duplicates}`],
      ['lost wake-ups: rounds never covered', `${tally.lost}`],
      [
        'uncovered host-seconds',
        `${figures.uncoveredHostSeconds.toFixed(0)} of ${figures.wantedHostSeconds.toFixed(0)}`,
      ],
      ['promises broken', `${tally.broken.length}`],
    ]),
    ...tally.broken.map((what) => `  BROKEN: ${what}`),
  ];
}

type Line = readonly [string, string];
const RULE: Line = ['-', '-'];

function columns(lines: readonly Line[]): readonly string[] {
  const widths = [0, 1].map((column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const [left = 0, right = 0] = widths;
  return lines.map((line) =>
    line === RULE ? `${'-'.repeat(left)}  ${'-'.repeat(right)}` : `${line[0].padEnd(left)}  ${line[1].padStart(right)}`,
  );
}

function spread(ms: readonly number[]): string {
  const [half, most] = [percentile(ms, 50), percentile(ms, 100)];
  return half === null || most === null
    ? 'none'
    : `p50 ${half.toFixed(0)} ms, max ${most.toFixed(0)} ms (${ms.length})`;
}
