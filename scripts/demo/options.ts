import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Exit when the story is told. */
  readonly once: boolean;
  readonly apiPort: number;
  readonly simulatorPort: number;
}

export type ReadOptions =
  | { readonly kind: 'options'; readonly options: DemoOptions }
  | { readonly kind: 'help' | 'wrong'; readonly text: string };

const PORT_MOST = 65_535;
const API_PORT = '2000';
const SIMULATOR_PORT = '4600';

const HELP = `npm run demo -- [--once] [--port ${API_PORT}] [--simulator-port ${SIMULATOR_PORT}]
  --once            exit when the story is told: 0 when all of it was true, else 1
  --port            port of the scheduler's API
  --simulator-port  port of the simulated ECS`;

export function readOptions(argv: readonly string[]): ReadOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string', default: API_PORT },
        'simulator-port': { type: 'string', default: SIMULATOR_PORT },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help', text: HELP };
    const apiPort = portOf('--port', values.port);
    const simulatorPort = portOf('--simulator-port', values['simulator-port']);
    if (apiPort === simulatorPort) throw new Error('--port and --simulator-port must differ');
    return { kind: 'options', options: { once: values.once, apiPort, simulatorPort } };
  } catch (error) {
    return { kind: 'wrong', text: `demo: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function portOf(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > PORT_MOST) throw new Error(`${flag} must be a port from 1 to ${PORT_MOST}`);
  return port;
}
