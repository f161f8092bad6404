import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { readSimulatorOptions, simulatorHelp, simulatorSettingRows } from '../../sim/options.ts';
import { startUnderTest, type SimulatorUnderTest } from './sim-client.ts';

describe('settings', () => {
  it('come from flags, else the environment, else the defaults', () => {
    const read = readSimulatorOptions(['--hosts', '7', '--throttling', 'off'], {
      DS_SIM_HOSTS: '8',
      DS_SIM_TASK_START_MS: '9',
      DS_SIM_PORT: '',
    });
    expect(read).toMatchObject({
      ok: true,
      options: { hosts: 7, taskStartMs: 9, throttling: false, port: 4_600, cluster: 'default', seed: null },
    });
  });

  it.each([
    [['--hosts', 'many'], {}, '--hosts: '],
    [['--hosts', '-1'], {}, '--hosts'],
    [['--port', '65536'], {}, '--port: '],
    [['--distinct-instance', 'sometimes'], {}, '--distinct-instance: '],
    [['--cluster', 'a/b'], {}, '--cluster: '],
    [['--account', '12'], {}, '--account: '],
    [['--seed', 'x'], {}, '--seed: '],
    [['--colour', 'red'], {}, '--colour'],
    [['surplus'], {}, 'surplus'],
    [[], { DS_SIM_THROTTLING: 'maybe' }, 'DS_SIM_THROTTLING: '],
  ])('that are wrong are named: %j %j', (argv, env, problem) => {
    const read = readSimulatorOptions(argv, env);
    expect(read.ok ? '' : read.problem).toContain(problem);
    expect(read.ok ? '' : read.problem).not.toContain('\n');
  });

  it('have a row each for the documentation, and their defaults are valid', () => {
    const rows = simulatorSettingRows();
    expect(rows.find((row) => row.flag === '--port')).toEqual({
      flag: '--port',
      env: 'DS_SIM_PORT',
      default: '4600',
      doc: expect.any(String),
    });
    expect(readSimulatorOptions([], {})).toMatchObject({
      options: { throttling: true, distinctInstance: 'lagging', listLagMs: 0, hosts: 20 },
    });
    const env = Object.fromEntries(rows.map((row) => [row.env, row.default]));
    expect(readSimulatorOptions([], env)).toEqual(readSimulatorOptions([], {}));
    for (const row of rows) expect(simulatorHelp()).toContain(` ${row.flag} `);
  });
});

describe('the command', () => {
  const children: ChildProcess[] = [];
  let taken: SimulatorUnderTest | undefined;

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await taken?.close();
    taken = undefined;
  });

  /** The command as a process of its own, with what it wrote and how it ended. */
  function command(...argv: string[]) {
    const script = `import('./sim/simulator.ts').then(async (sim) => { process.exitCode = await sim.runSimulator(${JSON.stringify(argv)}); })`;
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const output = { out: '', err: '' };
    child.stdout.on('data', (chunk) => (output.out += String(chunk)));
    child.stderr.on('data', (chunk) => (output.err += String(chunk)));
    return { child, output, ended: once(child, 'close') };
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('serves until %s', async (signal) => {
    const { child, output, ended } = command('--port', '0', '--hosts', '2', '--cluster', 'mine');
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', () => {
        const found = /"url":"([^"]+)"/.exec(output.out)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('close', () => reject(new Error(output.err)));
    });
    const response = await fetch(`${url}/_sim/hosts?cluster=mine`);
    expect(await response.json()).toMatchObject({ hosts: [{ cluster: 'mine' }, { status: 'ACTIVE' }] });
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
  });

  it('says in one line that its port is taken', async () => {
    taken = await startUnderTest();
    const { output, ended } = command('--port', String(taken.sim.port));
    expect(await ended).toEqual([1, null]);
    expect(output.err).toBe(
      `simulator: port ${taken.sim.port} on 127.0.0.1 is taken; choose another one with --port\n`,
    );
    expect(output.out).toBe('');
  });

  it('says in one line what is wrong with a setting', async () => {
    const { output, ended } = command('--hosts', 'many');
    expect(await ended).toEqual([2, null]);
    expect(output.err).toMatch(/^simulator: --hosts: [^\n]*\n$/);
  });
});
