import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { must, type Bench, type Row } from './bench.ts';
import { create, json, percentile } from './clients.ts';
import { onSystem, type System } from './system.ts';

/** wrk's own way of asking: one thread, sixteen connections. */
const WRK = ['-t1', '-c16'];
/** What the figures are held to, requests a second; the original, measured alike, gave 3,860, 724 and 323. */
const ONE_PER_SECOND = 8_000;
const LIST_PER_SECOND = 2_000;
const CREATES_PER_SECOND = 500;
/** A service runs for days; V8 compiles what is hot in its first seconds. */
const WARM_SECONDS = 3;
/** Seconds of each figure. Their median is held to the limit; the best stands beside it, as what else runs on the machine only takes away. */
const READ_SECONDS = 20;
const CREATE_SECONDS = 10;
const CREATE_SCRIPT = fileURLToPath(new URL('create.lua', import.meta.url));

interface Read {
  readonly what: string;
  readonly path: string;
  readonly limit: number | null;
}

const READS: readonly Read[] = [
  { what: 'an empty answer (/v1/ping): how fast the machine is just now', path: '/v1/ping', limit: null },
  { what: 'one environment', path: '/v1/environments/env-7', limit: ONE_PER_SECOND },
  { what: 'a list of 100', path: '/v1/environments', limit: LIST_PER_SECOND },
];

export const api: Bench = {
  name: 'api',
  doc: 'Reads and creates by wrk, sixteen connections, once warm; requests a second, so more is better',
  async *run(size) {
    const full = size === 'full';
    yield* await onSystem({ hosts: 0, buckets: false }, async (system) => {
      for (let n = 0; n < 100; n += 1) await create(system, `env-${n}`);
      return [...(await reads(system, full)), await creates(system, full)];
    });
  },
};

/** By turns, so that each meets the same good and bad seconds of the machine. */
async function reads(system: System, full: boolean): Promise<readonly Row[]> {
  if (full) for (const { path } of READS) await wrk(`${system.api}${path}`, WARM_SECONDS);
  const seconds = new Map<Read, number[]>(READS.map((read) => [read, []]));
  for (let n = 0; n < (full ? READ_SECONDS : 1); n += 1) {
    for (const [read, figures] of seconds) figures.push(await wrk(`${system.api}${read.path}`, 1));
  }
  return [...seconds].map(([{ what, limit }, figures]) => row(what, figures, full ? limit : null));
}

async function creates(system: System, full: boolean): Promise<Row> {
  const make = (prefix: string, seconds: number): Promise<number> =>
    wrk(`${system.api}/v1/environments`, seconds, ['-s', CREATE_SCRIPT], [prefix]);
  if (full) await make('warm', WARM_SECONDS);
  const figures: number[] = [];
  for (let n = 0; n < (full ? CREATE_SECONDS : 1); n += 1) figures.push(await make(`made-${n}`, 1));
  // wrk makes a first request that it does not send.
  const { name } = await json<{ name: string }>(`${system.api}/v1/environments/made-0-2`);
  must(name === 'made-0-2', 'the first one is not there');
  return row('creates, 16 at once', figures, full ? CREATES_PER_SECOND : null);
}

function row(what: string, seconds: readonly number[], limit: number | null): Row {
  const also = `median of ${seconds.length} seconds; best ${Math.max(...seconds).toFixed(0)} /s`;
  return { what, figure: percentile(seconds, 50), unit: '/s', limit, also };
}

/** Requests a second. Not waited for in one piece: connections that the API gives up meanwhile are to be noticed. */
async function wrk(
  url: string,
  seconds: number,
  more: readonly string[] = [],
  args: readonly string[] = [],
): Promise<number> {
  let said: string;
  try {
    ({ stdout: said } = await promisify(execFile)('wrk', [...WRK, `-d${seconds}s`, ...more, url, '--', ...args]));
  } catch (error) {
    throw new Error('wrk did not run: install it, as by `apt-get install wrk`', { cause: error });
  }
  must(!said.includes('Non-2xx'), said);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1] ?? Number.NaN);
}
