import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** What the script itself needs; nothing else is on its PATH. */
const TOOLS = ['bash', 'uname', 'id', 'node'];

let bin: string;

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'ds-ensure-'));
  for (const tool of TOOLS) {
    const found = spawnSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    await symlink(tool === 'node' ? process.execPath : found, join(bin, tool));
  }
});

afterEach(() => rm(bin, { recursive: true, force: true }));

const program = async (name: string, script: string): Promise<void> => {
  await writeFile(join(bin, name), `#!${join(bin, 'bash')}\n${script}\n`);
  await chmod(join(bin, name), 0o755);
};

function run(command: string, cwd = REPOSITORY): { readonly status: number | null; readonly said: string } {
  const script = `set -euo pipefail; source '${REPOSITORY}/scripts/ensure.sh'; ${command}`;
  // --norc: a bash with a socket for its input would read the rc file of whoever runs the tests.
  const { status, stderr } = spawnSync(join(bin, 'bash'), ['--norc', '-c', script], {
    cwd,
    env: { PATH: bin },
    encoding: 'utf8',
  });
  return { status, said: stderr };
}

it('says in one line how to get what is missing and cannot be installed', () => {
  const { status, said } = run('ensure_tools etcd etcdctl redis-server aws');
  expect(status).toBe(1);
  expect(said.trimEnd().split('\n')).toHaveLength(1);
  expect(said).toContain('Missing on PATH: etcd etcdctl redis-server aws.');
  expect(said).toContain('apt-get install etcd-server etcd-client redis-server awscli');
  expect(said).toContain('brew install etcd redis awscli');
  expect(said).toContain('dnf install etcd redis awscli2');
});

it('is silent when all is there', async () => {
  await program('etcd', 'echo etcd 3');
  expect(run('ensure_tools etcd')).toEqual({ status: 0, said: '' });
});

it('takes a program that does not run for missing', async () => {
  await program('etcd', 'exit 127');
  const { status, said } = run('ensure_tools etcd');
  expect(status).toBe(1);
  expect(said).toContain('Missing on PATH: etcd.');
});

it('takes the Node that runs the tests', () => {
  expect(run('ensure_node')).toEqual({ status: 0, said: '' });
});

it.each(['>=99.0', `>=${process.versions.node.split('.')[0]}.99`])(
  'takes this Node for too old for %s',
  async (node) => {
    await writeFile(join(bin, 'package.json'), JSON.stringify({ engines: { node } }));
    const { status, said } = run('ensure_node', bin);
    expect(status).toBe(1);
    expect(said).toBe(`Node ${process.version} is too old: install Node 20.19 or newer (https://nodejs.org).\n`);
  },
);
