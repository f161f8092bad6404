/**
 * Loopback ports for servers that are about to start.
 *
 * O1. None that the kernel hands out (Linux: 32768 and up, ip(7), `ip_local_port_range`): until the server listens, a connection
 *     of any process may be given it.
 * O2. Each process takes from a stretch of its own, in a circle: two that start servers at the same moment do not meet.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 12_000;
/** More than one process starts within seconds. */
const STRETCH = 64;
/** As many as lie below the kernel's. Processes of a run have numbers that are closer than this. */
const STRETCHES = 320;

const start = FIRST + (process.pid % STRETCHES) * STRETCH;
let given = 0;

/** A loopback port for each name: free at this moment, all different. */
export async function freePorts<Name extends string>(...names: readonly Name[]): Promise<Record<Name, number>> {
  const ports: [Name, number][] = [];
  for (const name of names) ports.push([name, await freePort()]);
  return Object.fromEntries(ports) as Record<Name, number>;
}

/** A loopback port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < STRETCH; tries += 1) {
    const port = start + (given % STRETCH);
    given += 1;
    if (!(await isTaken(port))) return port;
  }
  throw new Error(`all ports from ${start} to ${start + STRETCH - 1} are taken`);
}

export async function isTaken(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return true;
    throw error;
  }
  await once(server.close(), 'close');
  return false;
}
