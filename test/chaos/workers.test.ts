/** Worker processes killed, frozen and told to go at named points of a turn. `npm run chaos` does it for longer. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  FROZEN_DURING_CALL,
  KILLED_AFTER_CLAIM,
  KILLED_BEFORE_OUTCOMES,
  KILLED_LATE_CALL,
  TERMINATED_DURING_CALL,
} from '../../chaos/faults/processes.ts';
import { countLines, countLogs } from '../../chaos/logs.ts';
import { useStage } from './stage.ts';

const stage = useStage({ workers: 3, hosts: 12, seed: 1 });

test.each([
  ['between the fence and the promise', KILLED_AFTER_CLAIM],
  ['between the promise and the call, which ECS gets after the takeover', KILLED_LATE_CALL],
  ['between the answer and its record', KILLED_BEFORE_OUTCOMES],
])('kill -9 %s: another worker takes over', async (_, fault) => {
  const { takeoverMs } = await stage.play(fault);
  expect(takeoverMs).toEqual(expect.any(Number));
});

test('SIGSTOP for longer than every lock: another worker takes over, and what the frozen one writes later is fenced off', async () => {
  const { takeoverMs } = await stage.play(FROZEN_DURING_CALL);
  expect(takeoverMs).toEqual(expect.any(Number));
  await expect
    .poll(async () => (await countLogs(stage.system.workerLogs)).fenced, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(1);
});

test('SIGTERM: the turn is handed over, and the process ends with exit code 0', async () => {
  const { handOverMs, exitMs } = await stage.play(TERMINATED_DURING_CALL);
  expect(handOverMs).toEqual(expect.any(Number));
  expect(exitMs).toEqual(expect.any(Number));
});

test('a worker that joins takes part, without being told of the others', async () => {
  const { system, world } = stage;
  for (const { name } of system.seats.slice(1)) await system.processes.terminate(name, 10_000);
  const last = system.seats[0]?.name ?? '';
  const logged = (await readFile(system.processes.logFile(last), 'utf8')).length;
  await (await world.target()).deploy();
  await stage.settled();
  await system.restart('worker-2');
  await system.processes.terminate(last, 10_000);
  await (await world.target()).deploy();
  await stage.settled();
  const after = (await readFile(system.processes.logFile(last), 'utf8')).slice(logged);
  expect(after).toContain('"msg":"stopped"');
});

test('nothing was launched twice: no second task was ever seen, or stopped', async () => {
  const { system } = stage;
  const { tasks, maxLivePerHostAndGroup, tokenReplays } = await system.ecs.ledger();
  expect(maxLivePerHostAndGroup).toBe(1);
  expect(tokenReplays).toBeGreaterThan(0);
  expect(tasks.length).toBeGreaterThan(0);
  expect((await countLogs(system.workerLogs)).duplicates).toBe(0);
  expect(countLines(['{"msg":"turn","duplicates":2}', 'half a li']).duplicates).toBe(2);
});
