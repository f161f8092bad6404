/**
 * A TCP proxy that breaks connections in the ways networks do. Each fault counts what it hit,
 * so that a test can require that it happened.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly url: string;
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** What passed so far, faults included as far as they let it pass. */
  readonly passed: { readonly toServer: number; readonly toClient: number };
  /** What was swallowed so far. */
  readonly dropped: { readonly toServer: number; readonly toClient: number };
  /** Resets every open connection; gives how many. New ones are served. */
  cut(): number;
  /** Lets no new connection in, and cuts those there are, until `accept`. */
  refuse(): void;
  accept(): void;
  /** Swallows what goes in these directions, on open and new connections, until `forward`. The connections stay open. */
  blackhole(direction: Direction): void;
  /** Swallows what goes in these directions on the connections open now, for good; new ones are served. Gives how many. */
  freezeOpen(direction?: Direction): number;
  forward(): void;
  /** Keeps what clients send on the connections open now, also when they hang up, until it is released; new connections are served. */
  hold(): Held;
  /**
   * Waits for a client that sends this text: `hold` keeps it and what follows on its connection, as `hold()` does;
   * `deafen` lets it pass and swallows every reply from there on, for good. Springs once.
   */
  trap(text: string, how: 'hold' | 'deafen'): Trap;
  /** Ends all connections once this many more bytes went to the client; `hits` counts. What passed before arrives. */
  cutAfter(bytesToClient: number): { readonly hits: number };
  close(): Promise<void>;
}

type Direction = 'to-server' | 'to-client' | 'both';

export interface Trap {
  readonly sprung: boolean;
  /** Called when it springs; at most one listener. */
  onSpring: (() => void) | null;
  /** Hands on what is kept, and what follows. */
  release(): void;
  /** Springs no more. */
  disarm(): void;
}

interface Armed extends Trap {
  readonly text: Buffer;
  readonly how: 'hold' | 'deafen';
  link: Link | null;
}

interface Held {
  /** How many bytes are kept. */
  readonly bytes: number;
  /** Whether this text is among them, in one connection. */
  has(text: string): boolean;
  /** Hands on the first `bytes` of them: of a connection at a time, in order. */
  release(bytes: number): void;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  frozen: { toServer: boolean; toClient: boolean };
  /** Bytes for the server that wait; null: nothing is held. */
  held: Buffer[] | null;
  /** The end of what the client sent last: a text may lie across two chunks. */
  tail: Buffer;
}

export async function startTcpProxy(target: { readonly port: number }): Promise<TcpProxy> {
  const links = new Set<Link>();
  const passed = { toServer: 0, toClient: 0 };
  const dropped = { toServer: 0, toClient: 0 };
  const holes = { toServer: false, toClient: false };
  let refusing = false;
  const traps = new Set<Armed>();
  let cutting: { left: number; hits: number } | null = null;

  const drop = (link: Link): void => {
    links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  };
  const cut = (): number => {
    const count = links.size;
    for (const link of links) drop(link);
    return count;
  };

  const spring = (link: Link, chunk: Buffer): void => {
    if (traps.size === 0) return;
    const seen = Buffer.concat([link.tail, chunk]);
    link.tail = Buffer.from(seen.subarray(-TAIL_BYTES));
    for (const trap of traps) {
      if (!seen.includes(trap.text)) continue;
      traps.delete(trap);
      trap.link = link;
      if (trap.how === 'hold') link.held ??= [];
      else link.frozen.toClient = true;
      trap.onSpring?.();
    }
  };

  const listener = createServer((client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(target.port, '127.0.0.1');
    const link: Link = { client, server, frozen: { toServer: false, toClient: false }, held: null, tail: EMPTY };
    links.add(link);
    const pump = (from: Socket, to: Socket, direction: 'toServer' | 'toClient'): void => {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (link.frozen[direction] || holes[direction]) {
          dropped[direction] += chunk.length;
          return;
        }
        if (direction === 'toServer') spring(link, chunk);
        if (direction === 'toServer' && link.held !== null) {
          link.held.push(chunk);
          return;
        }
        passed[direction] += chunk.length;
        // A slow reader slows the writer, as through one connection.
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        if (direction === 'toClient' && cutting !== null) {
          cutting.left -= chunk.length;
          if (cutting.left <= 0) {
            cutting.hits += 1;
            cutting = null;
            // Softly: a reset would take what the client has not read yet with it.
            for (const open of links) {
              links.delete(open);
              open.server.destroy();
              open.client.destroySoon();
            }
          }
        }
      });
      const hangUp = (): void => {
        if (link.held === null || from === server) drop(link);
      };
      from.on('error', hangUp);
      from.on('close', hangUp);
      from.on('end', hangUp);
    };
    pump(client, server, 'toServer');
    pump(server, client, 'toClient');
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a numeric port');

  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    get connections() {
      return links.size;
    },
    passed,
    dropped,
    cut,
    refuse() {
      refusing = true;
      cut();
    },
    accept() {
      refusing = false;
    },
    blackhole(direction) {
      Object.assign(holes, sidesOf(direction));
    },
    freezeOpen(direction = 'both') {
      for (const link of links) link.frozen = sidesOf(direction);
      return links.size;
    },
    forward() {
      holes.toServer = false;
      holes.toClient = false;
    },
    hold() {
      const holding = [...links];
      for (const link of holding) link.held = [];
      const keptBy = (link: Link): Buffer => Buffer.concat(link.held ?? []);
      return {
        get bytes() {
          return holding.reduce((sum, link) => sum + keptBy(link).length, 0);
        },
        has: (text) => holding.some((link) => keptBy(link).includes(text)),
        release(bytes) {
          let left = bytes;
          for (const link of holding) {
            const chunk = keptBy(link).subarray(0, left);
            left -= chunk.length;
            if (chunk.length > 0) link.server.write(chunk);
          }
        },
      };
    },
    trap(text, how) {
      const armed: Armed = {
        text: Buffer.from(text),
        how,
        link: null,
        onSpring: null,
        get sprung() {
          return this.link !== null;
        },
        release() {
          const kept = this.link?.held ?? null;
          if (this.link === null || kept === null) return;
          this.link.held = null;
          this.link.server.write(Buffer.concat(kept));
        },
        disarm: () => void traps.delete(armed),
      };
      traps.add(armed);
      return armed;
    },
    cutAfter(bytesToClient) {
      cutting = { left: bytesToClient, hits: 0 };
      return cutting;
    },
    async close() {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** Longer than any text a trap waits for. */
const TAIL_BYTES = 256;
const EMPTY = Buffer.alloc(0);

const sidesOf = (direction: Direction) => ({
  toServer: direction !== 'to-client',
  toClient: direction !== 'to-server',
});
