import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { pino } from 'pino';

import { EventDelivery } from './http/event-delivery.ts';
import { createSimulatorServer } from './http/server.ts';
import type { SimulatorSides } from './http/sides.ts';
import { SqsQueue } from './http/sqs-queue.ts';
import { EcsModel } from './model/model.ts';
import { readSimulatorOptions, simulatorHelp, type SimulatorOptions } from './options.ts';

const SEED_LIMIT = 2 ** 32;

export interface Simulator {
  /** For example `http://127.0.0.1:4600`: the endpoint of ECS and, with `/_sim`, the admin side. */
  readonly url: string;
  readonly port: number;
  readonly model: EcsModel;
  /** The queue that events are sent to; null unless `events` is on. */
  readonly queueUrl: string | null;
  /** Breaks all connections and frees the port. */
  close(): Promise<void>;
}

/**
 * Starts a simulator with its first cluster, hosts and the task definition `daemon:1`. Tests pass what differs from the
 * defaults; their port is any free one unless they say otherwise. Rejects when the port is taken.
 */
export async function startSimulator(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const defaults = readSimulatorOptions(['--port', '0', '--hosts', '0'], {});
  if (!defaults.ok) throw new Error(defaults.problem);
  return start({ ...defaults.options, ...options });
}

/** The command: resolves with the exit code when it was stopped or could not start. */
export async function runSimulator(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(simulatorHelp());
    return 0;
  }
  const read = readSimulatorOptions(argv, process.env);
  if (!read.ok) {
    process.stderr.write(`simulator: ${read.problem}\n`);
    return 2;
  }
  const { options } = read;
  const log = pino({ name: 'simulator', level: options.logLevel });
  const stopped = stopSignal();
  let simulator: Simulator;
  try {
    simulator = await start(options);
  } catch (error) {
    process.stderr.write(`simulator: ${startProblem(error, options)}\n`);
    return 1;
  }
  const { hosts, cluster, distinctInstance, throttling } = options;
  log.info(
    { url: simulator.url, queue: simulator.queueUrl, hosts, cluster, distinctInstance, throttling },
    'simulator is listening',
  );
  const signal = await stopped;
  await simulator.close();
  log.info({ signal }, 'simulator stopped');
  return 0;
}

async function start(options: SimulatorOptions): Promise<Simulator> {
  const seed = options.seed ?? randomInt(SEED_LIMIT);
  const model = new EcsModel({ ...options, seed });
  furnish(model, options);
  // Nobody listened when it began.
  model.takeChanges();
  const events = options.events ? eventsOf(model, options, seed) : null;
  const server = createSimulatorServer({ model, events });
  server.listen(options.port, options.bind);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = options.bind.includes(':') ? `[${options.bind}]` : options.bind;
  const url = `http://${host}:${port}`;
  return {
    url,
    port,
    model,
    queueUrl: events === null ? null : `${url}${events.path}`,
    async close() {
      events?.delivery.close();
      events?.queue.close();
      await close(server);
    },
  };
}

function eventsOf(model: EcsModel, options: SimulatorOptions, seed: number): NonNullable<SimulatorSides['events']> {
  const queue = new SqsQueue();
  const mix = {
    duplicates: options.eventsDuplicates,
    reordering: options.eventsReordering,
    loss: options.eventsLoss,
    delayMs: options.eventsDelayMs,
  };
  const delivery = new EventDelivery({ model, queue, target: options.eventsHttp, mix, seed });
  return { queue, delivery, path: `/${options.account}/events` };
}

/** A cluster, its hosts and a small task definition, so that one can try things at once. */
function furnish(model: EcsModel, options: SimulatorOptions): void {
  const now = Date.now();
  model.addHosts(now, { cluster: options.cluster, count: options.hosts });
  model.apply(now, {
    operation: 'RegisterTaskDefinition',
    body: {
      family: 'daemon',
      networkMode: 'bridge',
      containerDefinitions: [{ name: 'daemon', image: 'busybox:stable', cpu: 64, memory: 64, essential: true }],
    },
  });
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

function startProblem(error: unknown, { bind, port }: SimulatorOptions): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `port ${port} on ${bind} is taken; choose another one with --port`;
  }
  return error instanceof Error ? error.message : String(error);
}
