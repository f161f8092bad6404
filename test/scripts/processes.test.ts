import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePorts, isTaken } from '../../scripts/local/ports.ts';
import { Processes, type Part } from '../../scripts/local/processes.ts';
import { stepsOn } from '../../scripts/demo/steps.ts';
import { Screen } from '../../scripts/demo/screen.ts';
import { waitUntil } from '../../scripts/local/waiting.ts';

const SILENT = new Screen({ write: () => {} }, {});
const NEVER = new AbortController().signal;

let dir: string;
let processes: Processes;
let deaths: string[];
let died: () => void;
let death: Promise<void>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ds-processes-'));
  deaths = [];
  death = new Promise((resolve) => (died = resolve));
  processes = new Processes({
    logs: dir,
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '' },
    onDeath: ({ message }) => {
      deaths.push(message);
      died();
    },
  });
});

afterEach(async () => {
  await processes.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Ready once it has said so. */
const part = (name: string, script: string): Part => ({
  name,
  command: [process.execPath, '-e', `${script};console.log('ready')`],
  ready: async () => (await readFile(join(dir, `${name}.log`), 'utf8')).includes('ready'),
});
const lasting = (name: string): Part => part(name, 'setInterval(() => {}, 1000)');

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the processes of the demo', () => {
  it('run until they are stopped, which is no death', async () => {
    await processes.start([lasting('one'), lasting('two')], NEVER);
    const pids = [processes.pid('one'), processes.pid('two')];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await processes.stop();
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(deaths).toEqual([]);
  });

  it('are killed when they do not mind a SIGTERM', async () => {
    await processes.start([part('stubborn', 'process.on("SIGTERM", () => {});setInterval(() => {}, 1000)')], NEVER);
    const pid = processes.pid('stubborn');
    await processes.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('can be killed on purpose', async () => {
    await processes.start([lasting('one')], NEVER);
    const pid = processes.pid('one');
    await processes.kill('one');
    expect(isAlive(pid)).toBe(false);
    expect(deaths).toEqual([]);
    expect(() => processes.pid('one')).toThrow('one does not run');
  });

  it('tell of a death nobody asked for, and where to look', async () => {
    await processes.start([lasting('one')], NEVER);
    process.kill(processes.pid('one'), 'SIGKILL');
    await death;
    expect(deaths).toEqual([`one ended (SIGKILL); look at ${dir}/one.log`]);
  });
});

describe('a step', () => {
  it('leaves its row', async () => {
    const { step, rows } = stepsOn(SILENT, NEVER, processes);
    expect(await step('hosts join', 'worker', async () => ({ detail: 'all', value: 7 }))).toBe(7);
    expect(rows).toEqual([{ what: 'hosts join', detail: 'all', tookMs: expect.any(Number) }]);
  });

  it('that fails names itself and the log to look at', async () => {
    const { step, rows } = stepsOn(SILENT, NEVER, processes);
    const failed = step('hosts join', 'worker', () => Promise.reject(new Error('nobody came')));
    await expect(failed).rejects.toThrow(`"hosts join": nobody came; look at ${dir}/worker.log`);
    expect(rows).toEqual([]);
  });

  it('ends with what the signal says, also when it hangs', async () => {
    const life = new AbortController();
    const { step } = stepsOn(SILENT, life.signal, processes);
    const hanging = step('hosts join', 'worker', () => new Promise<never>(() => {}));
    life.abort(new Error('api ended'));
    await expect(hanging).rejects.toThrow('"hosts join": api ended');
    const next = vi.fn<() => Promise<never>>();
    await expect(step('the next', 'worker', next)).rejects.toThrow('api ended');
    expect(next).not.toHaveBeenCalled();
  });
});

describe('waiting', () => {
  it('ends when what is seen is done', async () => {
    let looks = 0;
    const said: string[] = [];
    const look = () => Promise.resolve({ done: ++looks === 3, detail: `look ${looks}` });
    const seen = await waitUntil(look, { withinMs: 60_000, signal: NEVER, say: (detail) => said.push(detail) });
    expect(seen.detail).toBe('look 3');
    expect(said).toEqual(['look 1', 'look 2', 'look 3']);
  });

  it('gives up with what it saw last', async () => {
    const look = () => Promise.resolve({ done: false, detail: '3 of 5' });
    await expect(waitUntil(look, { withinMs: 0, signal: NEVER })).rejects.toThrow('after 0 s still: 3 of 5');
  });
});

describe('ports', () => {
  it('of two processes that choose at the same moment are not the same (O2)', async () => {
    const script = `import { freePorts } from '${import.meta.resolve('../../scripts/local/ports.ts')}';
      console.log(JSON.stringify(Object.values(await freePorts('one', 'two', 'three'))));`;
    const choose = async (): Promise<number[]> => {
      const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      return JSON.parse(stdout) as number[];
    };
    const chosen = (await Promise.all([choose(), choose()])).flat();
    expect(new Set(chosen).size).toBe(6);
  });

  it('are free, different, and taken once somebody listens', async () => {
    const { one, two } = await freePorts('one', 'two');
    expect(one).not.toBe(two);
    expect(Math.max(one, two)).toBeLessThan(32_768);
    expect(await isTaken(one)).toBe(false);
    const server = createServer().listen(one, '127.0.0.1');
    await once(server, 'listening');
    expect(await isTaken(one)).toBe(true);
    await once(server.close(), 'close');
  });
});
