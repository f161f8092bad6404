/**
 * The processes of a system on this machine.
 *
 * P1. All of them end with whoever started them, whatever ends it: stopped in order, killed at exit, and on Linux killed by the
 *     kernel when it was killed itself.
 * P2. One that ends by itself is told at once, with its log: no step waits for the dead.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from './waiting.ts';

export interface Part {
  /** Also the name of its log file. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Whether it answers; a throw means not yet. */
  readonly ready: () => Promise<boolean>;
}

export interface ProcessesOptions {
  readonly logs: string;
  /** Where the processes run. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Called when one ended that nobody asked to. */
  readonly onDeath: (death: Death) => void;
}

/** A process ended that nobody asked to. The message says where to look. */
class Death extends Error {
  override readonly name = 'Death';
}

/** From start to first answer; a loaded machine that compiles for the first time takes seconds. */
const READY_WITHIN_MS = 60_000;
/** Between SIGTERM and SIGKILL. */
const STOP_WITHIN_MS = 3_000;

interface Running {
  readonly child: ChildProcess;
  /** How it ended. */
  readonly ended: Promise<string>;
  expected: boolean;
}

export class Processes {
  private readonly options: ProcessesOptions;
  private readonly running = new Map<string, Running>();
  private readonly waves: (readonly string[])[] = [];

  constructor(options: ProcessesOptions) {
    this.options = options;
  }

  /** Starts parts that do not need each other, and waits until all answer. */
  async start(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    this.waves.push(parts.map((part) => part.name));
    for (const part of parts) this.launch(part);
    await Promise.all(
      parts.map((part) =>
        waitUntil(
          async () => ({
            done: await part.ready().catch(() => false),
            detail: `${part.name} is starting; look at ${this.logFile(part.name)}`,
          }),
          {
            withinMs: READY_WITHIN_MS,
            signal,
          },
        ),
      ),
    );
  }

  pid(name: string): number {
    const pid = this.running.get(name)?.child.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    return pid;
  }

  runs(name: string): boolean {
    return this.running.has(name);
  }

  logFile(name: string): string {
    return join(this.options.logs, `${name}.log`);
  }

  /** kill -9, on purpose. */
  async kill(name: string): Promise<void> {
    const running = this.running.get(name);
    if (running === undefined) throw new Error(`${name} does not run`);
    running.expected = true;
    running.child.kill('SIGKILL');
    await running.ended;
  }

  /** For SIGSTOP, SIGCONT and the like: nothing is waited for. */
  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(this.pid(name), signal);
  }

  /** SIGTERM, on purpose. Resolves with how it ended (`exit code 0`, `SIGKILL`): it is killed when it stays too long. */
  async terminate(name: string, withinMs = STOP_WITHIN_MS): Promise<string> {
    const running = this.running.get(name);
    if (running === undefined) throw new Error(`${name} does not run`);
    running.expected = true;
    return await this.end(running, withinMs);
  }

  /** Stops what was started last first. */
  async stop(): Promise<void> {
    for (const running of this.running.values()) running.expected = true;
    for (const wave of this.waves.toReversed()) {
      await Promise.all(
        wave.flatMap((name) => {
          const running = this.running.get(name);
          return running === undefined ? [] : [this.end(running, STOP_WITHIN_MS)];
        }),
      );
    }
  }

  /** For the moment in which nothing can be waited for. */
  killAll(): void {
    for (const { child } of this.running.values()) child.kill('SIGKILL');
  }

  private launch(part: Part): void {
    const { cwd, env, onDeath } = this.options;
    const log = openSync(this.logFile(part.name), 'a');
    const [command, ...args] = [...dieWithParent(), ...part.command] as [string, ...string[]];
    // Their own process group: a Ctrl-C is for who started them, and then stops them in order.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    const running: Running = {
      child,
      expected: false,
      ended: new Promise((resolve) => {
        const end = (reason: string): void => {
          this.running.delete(part.name);
          resolve(reason);
          if (!running.expected)
            onDeath(new Death(`${part.name} ended (${reason}); look at ${this.logFile(part.name)}`));
        };
        child.once('error', (error) => end(error.message));
        child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
      }),
    };
    this.running.set(part.name, running);
  }

  private async end({ child, ended }: Running, withinMs: number): Promise<string> {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    const how = await ended;
    clearTimeout(timer);
    return how;
  }
}

const SETPRIV = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
const hasSetpriv = spawnSync('setpriv', [...SETPRIV.slice(1), 'true']).status === 0;
const dieWithParent = (): readonly string[] => (hasSetpriv ? SETPRIV : []);
