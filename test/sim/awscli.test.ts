import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startUnderTest, type SimulatorUnderTest } from './sim-client.ts';

/** The AWS CLI is a Python program that loads its whole model: seconds on a busy machine. */
const CLI_TIMEOUT_MS = 60_000;

const run = promisify(execFile);

describe('the AWS CLI, unchanged', { timeout: 4 * CLI_TIMEOUT_MS }, () => {
  let started: SimulatorUnderTest;

  async function aws(...args: string[]): Promise<unknown> {
    const { stdout } = await run('aws', ['ecs', ...args, '--endpoint-url', started.sim.url, '--output', 'json'], {
      timeout: CLI_TIMEOUT_MS,
      env: {
        PATH: process.env['PATH'],
        HOME: '/nonexistent',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_DEFAULT_REGION: 'us-east-1',
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_PAGER: '',
      },
    });
    return JSON.parse(stdout);
  }

  beforeAll(async () => {
    await run('aws', ['--version'], { timeout: CLI_TIMEOUT_MS }).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`The AWS CLI is needed on PATH for this test (Debian: apt-get install awscli): ${reason}`);
    });
    started = await startUnderTest({ hosts: 3 });
  }, CLI_TIMEOUT_MS);

  afterAll(async () => {
    await started?.close();
  });

  it('runs, lists and describes tasks and lists hosts', async () => {
    const launched = await aws('run-task', '--task-definition', 'daemon', '--count', '2', '--group', 'daemon:cli');
    expect(launched).toMatchObject({ failures: [], tasks: [{ lastStatus: 'PENDING' }, { group: 'daemon:cli' }] });
    const { tasks } = started.sim.model.ledger(Date.now());
    const arns = tasks.map((task) => task.taskArn);
    expect(arns).toHaveLength(2);

    expect(await aws('list-tasks')).toEqual({ taskArns: arns });
    expect(await aws('describe-tasks', '--tasks', ...arns)).toMatchObject({
      failures: [],
      tasks: arns.map((taskArn) => ({ taskArn, desiredStatus: 'RUNNING', group: 'daemon:cli' })),
    });
    expect(await aws('list-container-instances')).toEqual({
      containerInstanceArns: started.sim.model.hosts(Date.now()).map((host) => host.containerInstanceArn),
    });
  });

  it('understands the errors', async () => {
    await expect(aws('list-tasks', '--cluster', 'no')).rejects.toThrow(/ClusterNotFoundException.*Cluster not found\./);
  });
});
