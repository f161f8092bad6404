/**
 * npm run demo: the whole scheduler on this machine against a simulated ECS, told as a story that proves itself.
 * Everything it starts lives in a temporary directory and ends with it.
 */
import { once } from 'node:events';
import { castOf } from './demo/cast.ts';
import { partEnvironment } from './local/parts.ts';
import { schedulerApi, simulatedEcs } from './demo/clients.ts';
import { farewell } from './demo/farewell.ts';
import { Interrupted, onInterrupt } from './demo/interrupt.ts';
import { readOptions, type DemoOptions } from './demo/options.ts';
import { makePlace, type Place } from './local/place.ts';
import { isTaken } from './local/ports.ts';
import { Processes } from './local/processes.ts';
import { Screen } from './demo/screen.ts';
import { stepsOn } from './demo/steps.ts';
import { HOSTS_AT_FIRST, tellStory } from './demo/story.ts';
import { COLUMNS_MOST, renderTable, seconds, wrapped } from './demo/table.ts';

/** Promised: all ends within three minutes, with a minute left for starting and stopping. The steps take a third of this. */
const STORY_WITHIN_MS = 120_000;

async function main(): Promise<number> {
  const read = readOptions(process.argv.slice(2));
  if (read.kind !== 'options') {
    (read.kind === 'help' ? console.log : console.error)(read.text);
    return read.kind === 'help' ? 0 : 2;
  }
  const { options } = read;
  for (const { port, flag, user } of [
    { port: options.apiPort, flag: '--port', user: 'API' },
    { port: options.simulatorPort, flag: '--simulator-port', user: 'simulated ECS' },
  ]) {
    if (!(await isTaken(port))) continue;
    console.error(
      `demo: port ${port} is taken and the demo's ${user} needs it: stop what listens there, ` +
        `or choose another port: npm run demo -- ${flag} ${port + 1}`,
    );
    return 1;
  }
  return await perform(options, new Screen(process.stdout, process.env));
}

async function perform(options: DemoOptions, screen: Screen): Promise<number> {
  const life = new AbortController();
  onInterrupt((interrupted) => life.abort(interrupted));
  const place = await makePlace();
  let telling = true;
  const processes = new Processes({
    logs: place.logs,
    cwd: place.data,
    env: partEnvironment(process.env, urlOf(options.simulatorPort)),
    onDeath: (death) => (telling ? life.abort(death) : screen.line(`${death.message}.`)),
  });
  process.once('exit', () => {
    processes.killAll();
    place.remove();
  });

  let failure: Error | null = null;
  try {
    await tell(options, { screen, processes, place, signal: life.signal });
    telling = false;
    if (!options.once && !life.signal.aborted) {
      const [apiUrl, simulatorUrl] = [urlOf(options.apiPort), urlOf(options.simulatorPort)];
      for (const line of ['', ...farewell({ apiUrl, simulatorUrl, logs: place.logs })]) screen.line(line);
      await once(life.signal, 'abort');
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  screen.clear();
  await processes.stop();
  return end(failure, place, screen);
}

/** Starts everybody, tells the story, shows the table. */
async function tell(options: DemoOptions, { screen, processes, place, signal }: Setting): Promise<void> {
  screen.line(`${screen.paint('bold', 'daemon-scheduler demo')}: a simulated ECS cluster with ${HOSTS_AT_FIRST} hosts`);
  const began = performance.now();
  const cast = await castOf({ ...options, dir: place.data, hosts: HOSTS_AT_FIRST });
  for (const parts of [cast.servers, cast.scheduler]) {
    screen.progress('starting', parts.map((part) => part.name).join(', '));
    await processes.start(parts, signal);
  }
  const names = [...cast.servers, ...cast.scheduler].map((part) => part.name);
  screen.done('started', names.join(', '), performance.now() - began);

  const { step, rows } = stepsOn(screen, signal, processes);
  const ecs = simulatedEcs(urlOf(options.simulatorPort));
  try {
    const proof = await tellStory({ api: schedulerApi(urlOf(options.apiPort)), ecs, processes, step });
    for (const line of ['', ...renderTable(rows), '']) screen.line(line);
    const [first = '', ...rest] = wrapped(`Proof: ${proof}.`, COLUMNS_MOST);
    for (const line of [first.replace('Proof', screen.paint('green', 'Proof')), ...rest]) screen.line(line);
  } finally {
    ecs.close();
  }
  const tookMs = rows.reduce((sum, row) => sum + row.tookMs, 0);
  if (tookMs > STORY_WITHIN_MS)
    throw new Error(`all came true, but it took ${seconds(tookMs)}, more than ${seconds(STORY_WITHIN_MS)}`);
}

interface Setting {
  readonly screen: Screen;
  readonly processes: Processes;
  readonly place: Place;
  readonly signal: AbortSignal;
}

function end(failure: Error | null, place: Place, screen: Screen): number {
  if (failure === null || failure instanceof Interrupted) {
    place.remove();
    screen.line(failure === null ? 'All processes are stopped.' : 'Interrupted: all processes are stopped.');
    return failure === null ? 0 : failure.exitCode;
  }
  place.remove('logs');
  console.error(`demo failed: ${failure.message}`);
  return 1;
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

process.exitCode = await main();
