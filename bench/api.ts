import { spawnSync } from 'node:child_process';
import { must, type Bench, type Row } from './bench.ts';
import { create, json } from './clients.ts';
import { onSystem, type System } from './system.ts';

/** wrk's own way of asking: one thread, sixteen connections. */
const WRK = ['-t1', '-c16'];
/** What the figures are held to, requests a second; the original, measured alike, gave 3,860, 724 and 323. */
const ONE_PER_SECOND = 8_000;
const LIST_PER_SECOND = 2_000;
const CREATES_PER_SECOND = 500;
const AT_ONCE = 16;

export const api: Bench = {
  name: 'api',
  doc: 'Reads by wrk, creates sixteen at once; requests a second, so more is better',
  async *run(size) {
    const full = size === 'full';
    yield* await onSystem({ hosts: 0, buckets: false }, async (system) => {
      const rows: Row[] = [];
      for (let n = 0; n < 100; n += 1) await create(system, `env-${n}`);
      const seconds = full ? 10 : 1;
      rows.push(
        row('one environment', wrk(`${system.api}/v1/environments/env-7`, seconds), full ? ONE_PER_SECOND : null),
      );
      rows.push(row('a list of 100', wrk(`${system.api}/v1/environments`, seconds), full ? LIST_PER_SECOND : null));
      rows.push(row('creates, 16 at once', await creates(system, full ? 2_000 : 32), full ? CREATES_PER_SECOND : null));
      return rows;
    });
  },
};

const row = (what: string, figure: number, limit: number | null): Row => ({ what, figure, unit: '/s', limit });

function wrk(url: string, seconds: number): number {
  const done = spawnSync('wrk', [...WRK, `-d${seconds}s`, url], { encoding: 'utf8' });
  if (done.error !== undefined) throw new Error('wrk is not on PATH: install it, as by `apt-get install wrk`');
  must(!done.stdout.includes('Non-2xx'), done.stdout);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(done.stdout)?.[1] ?? Number.NaN);
}

async function creates(system: System, count: number): Promise<number> {
  const began = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = (next += 1); n <= count; n = next += 1) await create(system, `made-${n}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const perSecond = count / ((performance.now() - began) / 1_000);
  const last = await json<{ name: string }>(`${system.api}/v1/environments/made-${count}`);
  must(last.name === `made-${count}`, 'the last one is not there');
  return perSecond;
}
