import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { must, type Bench, type Row } from './bench.ts';
import { create, json } from './clients.ts';
import { onSystem, type System } from './system.ts';

/** wrk's own way of asking: one thread, sixteen connections. */
const WRK = ['-t1', '-c16'];
/** What the figures are held to, requests a second; the original, measured alike, gave 3,860, 724 and 323. */
const ONE_PER_SECOND = 8_000;
const LIST_PER_SECOND = 2_000;
const CREATES_PER_SECOND = 500;
/** A service runs for days; V8 compiles what is hot in its first seconds. */
const WARM_SECONDS = 3;
const CREATE_SCRIPT = fileURLToPath(new URL('create.lua', import.meta.url));

export const api: Bench = {
  name: 'api',
  doc: 'Reads and creates by wrk, sixteen connections, once warm; requests a second, so more is better',
  async *run(size) {
    const full = size === 'full';
    yield* await onSystem({ hosts: 0, buckets: false }, async (system) => {
      for (let n = 0; n < 100; n += 1) await create(system, `env-${n}`);
      const warm = (path: string): number => {
        if (full) wrk(`${system.api}${path}`, WARM_SECONDS);
        return wrk(`${system.api}${path}`, full ? 10 : 1);
      };
      return [
        row('an empty answer (/v1/ping): how fast the machine is just now', warm('/v1/ping'), null),
        row('one environment', warm('/v1/environments/env-7'), full ? ONE_PER_SECOND : null),
        row('a list of 100', warm('/v1/environments'), full ? LIST_PER_SECOND : null),
        row('creates, 16 at once', await creates(system, full), full ? CREATES_PER_SECOND : null),
      ];
    });
  },
};

const row = (what: string, figure: number, limit: number | null): Row => ({ what, figure, unit: '/s', limit });

function wrk(url: string, seconds: number, more: readonly string[] = [], args: readonly string[] = []): number {
  const done = spawnSync('wrk', [...WRK, `-d${seconds}s`, ...more, url, '--', ...args], { encoding: 'utf8' });
  if (done.error !== undefined) throw new Error('wrk is not on PATH: install it, as by `apt-get install wrk`');
  must(!done.stdout.includes('Non-2xx'), done.stdout);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(done.stdout)?.[1] ?? Number.NaN);
}

async function creates(system: System, full: boolean): Promise<number> {
  const make = (prefix: string, seconds: number): number =>
    wrk(`${system.api}/v1/environments`, seconds, ['-s', CREATE_SCRIPT], [prefix]);
  if (full) make('warm', WARM_SECONDS);
  const perSecond = make('made', full ? 4 : 1);
  // wrk makes a first request that it does not send.
  const { name } = await json<{ name: string }>(`${system.api}/v1/environments/made-2`);
  must(name === 'made-2', 'the first one is not there');
  return perSecond;
}
