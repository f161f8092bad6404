import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Row, Size } from './bench.ts';
import { completed, create, deploy } from './clients.ts';
import { onSystem, type System } from './system.ts';

const HOSTS: Readonly<Record<Size, number>> = { full: 5_000, tiny: 20 };
const ENVIRONMENTS: Readonly<Record<Size, number>> = { full: 10, tiny: 2 };
const REST_MINUTES: Readonly<Record<Size, number>> = { full: 10, tiny: 0 };
/** The first sweep after a start wakes every environment, within 30 s; surveys come every 10 s. */
const START_SECONDS: Readonly<Record<Size, number>> = { full: 60, tiny: 1 };
const WORKER_MB = 300;
const SAMPLE_MS = 1_000;

export const memory: Bench = {
  name: 'memory',
  doc: 'Resident size while every environment covers its hosts, minutes of rest after that, and a worker started then',
  async *run(size) {
    yield* await onSystem({ hosts: HOSTS[size], buckets: false }, (system) => measure(system, size));
  },
};

async function measure(system: System, size: Size): Promise<readonly Row[]> {
  const names = Array.from({ length: ENVIRONMENTS[size] }, (_, n) => `env-${n}`);
  const peak = await most(system, async () => {
    for (const name of names) await deploy(system, await create(system, name));
    for (const name of names) await completed(system, name);
  });
  const rows: Row[] = [
    row('worker, most during the cover', peak.worker, WORKER_MB),
    row('API, most during the cover', peak.api, null),
  ];
  for (let minute = 0; minute <= REST_MINUTES[size]; minute += 5) {
    if (minute > 0) await delay(5 * 60_000);
    rows.push(row(`worker, ${minute} min at rest`, residentMb(system.pid('worker')), WORKER_MB));
    rows.push(row(`API, ${minute} min at rest`, residentMb(system.pid('api')), null));
  }
  await system.workers(1);
  const started = await most(system, () => delay(START_SECONDS[size] * 1_000));
  rows.push(row('worker, most in the minute after a start', started.worker, WORKER_MB));
  return rows;
}

/** The most that API and worker have while it lasts. */
async function most(
  system: System,
  what: () => Promise<unknown>,
): Promise<{ readonly api: number; readonly worker: number }> {
  const peak = { api: 0, worker: 0 };
  const sample = (): void => {
    for (const part of ['api', 'worker'] as const) peak[part] = Math.max(peak[part], residentMb(system.pid(part)));
  };
  const sampler = setInterval(sample, SAMPLE_MS);
  try {
    await what();
  } finally {
    clearInterval(sampler);
  }
  sample();
  return peak;
}

const row = (what: string, figure: number, limit: number | null): Row => ({ what, figure, unit: 'MB', limit });

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb ?? Number.NaN) / 1_000;
}
