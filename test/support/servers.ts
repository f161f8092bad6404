/**
 * Real etcd and Redis for tests: on free loopback ports, in temporary directories, gone with the process that started them.
 * A missing program is an error that names what to install; no test is skipped for it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../scripts/local/ports.ts';

export interface TestServer {
  /** `http://127.0.0.1:P` for etcd, `redis://127.0.0.1:P` for Redis. */
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  /** SIGTERM, then SIGKILL when it does not go; removes the directory unless the caller gave it. */
  stop(): Promise<void>;
  /** SIGKILL; resolves once the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Kills it if it runs, and starts it again on the same port and directory. */
  restart(): Promise<void>;
}

export interface ServerOptions {
  /** Where it keeps its data; a new temporary directory by default. */
  readonly dir?: string;
}

interface Program {
  readonly command: string;
  /** The Debian package that has it. */
  readonly debianPackage: string;
  readonly scheme: string;
  args(place: { readonly port: number; readonly dir: string }): Promise<readonly string[]>;
  isReady(port: number): Promise<boolean>;
}

/** From start to first answer; a loaded box takes seconds. */
const READY_WITHIN_MS = 20_000;
const READY_POLL_MS = 25;
/** Between SIGTERM and SIGKILL. */
const STOP_WITHIN_MS = 5_000;
const OUTPUT_KEPT_CHARACTERS = 4_000;

export const startEtcd = (options: ServerOptions = {}): Promise<TestServer> => start(etcd, options);
export const startRedis = (options: ServerOptions = {}): Promise<TestServer> => start(redis, options);

const etcd: Program = {
  command: 'etcd',
  debianPackage: 'etcd-server',
  scheme: 'http',
  async args({ port, dir }) {
    const client = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    return [
      '--name=test',
      `--data-dir=${join(dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=test=${peer}`,
      // As in production: every claim is a put, so history must not grow for ever.
      '--auto-compaction-mode=periodic',
      '--auto-compaction-retention=1h',
    ];
  },
  async isReady(port) {
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { health?: string }).health === 'true';
  },
};

const redis: Program = {
  command: 'redis-server',
  debianPackage: 'redis-server',
  scheme: 'redis',
  args: ({ port, dir }) =>
    Promise.resolve(
      `--port ${port} --bind 127.0.0.1 --appendonly no --maxmemory-policy noeviction`
        .split(' ')
        .concat('--save', '', '--dir', dir),
    ),
  async isReady(port) {
    const socket = connect(port, '127.0.0.1');
    try {
      socket.write('PING\r\n');
      const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(1_000) })) as [Buffer];
      return answer.toString().startsWith('+PONG');
    } finally {
      socket.destroy();
    }
  },
};

async function start(program: Program, { dir: givenDir }: ServerOptions): Promise<TestServer> {
  const dir = givenDir ?? (await mkdtemp(join(tmpdir(), `ds-${program.command}-`)));
  const removeDir = (): void => {
    process.off('exit', removeDir);
    if (givenDir === undefined) rmSync(dir, { recursive: true, force: true });
  };
  const port = await freePort();
  let running = await launch(program, { port, dir }).catch((error: unknown) => {
    removeDir();
    throw error;
  });
  process.once('exit', removeDir);

  return {
    url: `${program.scheme}://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return running.pid;
    },
    async stop() {
      await running.end('SIGTERM');
      removeDir();
    },
    kill: () => running.end('SIGKILL'),
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    async restart() {
      await running.end('SIGKILL');
      running = await launch(program, { port, dir });
    },
  };
}

interface Running {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  end(name: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

async function launch(program: Program, place: { readonly port: number; readonly dir: string }): Promise<Running> {
  const [command, ...args] = [...dieWithParent(), program.command, ...(await program.args(place))] as [string];
  const child = spawn(command, args, { cwd: place.dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_KEPT_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);

  const exited = exitOf(child);
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  const killNow = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killNow);

  const end = async (name: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    process.off('exit', killNow);
    if (gone) return;
    child.kill(name);
    child.kill('SIGCONT');
    const timer = setTimeout(killNow, STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  };

  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    if (gone || child.pid === undefined) {
      const reason = await exited;
      process.off('exit', killNow);
      if (reason === 'ENOENT' || isMissing(program.command)) throw new Error(missingText(program));
      throw new Error(`${program.command} ended before it was ready (${reason}):\n${output}`);
    }
    if (await program.isReady(place.port).catch(() => false)) break;
    if (Date.now() > deadline) {
      await end('SIGKILL');
      throw new Error(`${program.command} was not ready within ${READY_WITHIN_MS} ms:\n${output}`);
    }
    await delay(READY_POLL_MS);
  }
  return { pid: child.pid, signal: (name) => void child.kill(name), end };
}

const exitOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

const missingText = ({ command, debianPackage }: Program): string =>
  `${command} is not on PATH, and the tests need it: install it (Debian and Ubuntu: apt-get install ${debianPackage}).`;

const isMissing = (command: string): boolean => {
  const error: NodeJS.ErrnoException | undefined = spawnSync(command, ['--version']).error;
  return error?.code === 'ENOENT';
};

/** On Linux the kernel ends the server when its parent dies in whatever way, so that an interrupted run leaves no orphans. */
const dieWithParent = (): readonly string[] => (hasSetpriv ? [SETPRIV, ...SETPRIV_ARGS] : []);
const SETPRIV = 'setpriv';
const SETPRIV_ARGS = ['--pdeathsig', 'KILL', '--'];
const hasSetpriv = spawnSync(SETPRIV, [...SETPRIV_ARGS, 'true']).status === 0;
