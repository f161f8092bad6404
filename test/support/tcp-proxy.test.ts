import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** An echo server, and a client of it through the proxy. */
let server: Server;
let proxy: TcpProxy;
const clients: Socket[] = [];
let echoed = 0;

beforeEach(async () => {
  echoed = 0;
  server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      echoed += chunk.length;
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startTcpProxy({ port: (server.address() as { port: number }).port });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  server.close();
});

function open(): { socket: Socket; received: () => string; ended: () => boolean } {
  const socket = connect(proxy.port, '127.0.0.1');
  clients.push(socket);
  let [text, over] = ['', false];
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => (over = true));
  socket.on('close', () => (over = true));
  return { socket, received: () => text, ended: () => over };
}
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5_000, interval: 5 });

describe('the TCP proxy', () => {
  it('passes everything on', async () => {
    const { socket, received } = open();
    socket.write('hello');
    await until(() => expect(received()).toBe('hello'));
    expect(proxy.passed).toEqual({ toServer: 5, toClient: 5 });
  });

  it('cuts what is open, and refuses what is new', async () => {
    const first = open();
    first.socket.write('a');
    await until(() => expect(first.received()).toBe('a'));
    expect(proxy.cut()).toBe(1);
    await until(() => expect(first.ended()).toBe(true));
    proxy.refuse();
    const second = open();
    await until(() => expect(second.ended()).toBe(true));
    proxy.accept();
    const third = open();
    third.socket.write('c');
    await until(() => expect(third.received()).toBe('c'));
  });

  it('swallows replies, or requests', async () => {
    const { socket, received, ended } = open();
    proxy.blackhole('to-client');
    socket.write('lost reply');
    await until(() => expect(proxy.dropped.toClient).toBe(10));
    expect([echoed, received()]).toEqual([10, '']);
    proxy.blackhole('to-server');
    socket.write('lost');
    await until(() => expect(proxy.dropped.toServer).toBe(4));
    proxy.forward();
    socket.write('through');
    await until(() => expect(received()).toBe('through'));
    expect([echoed, ended()]).toEqual([17, false]);
  });

  it('freezes what is open, for good', async () => {
    const frozen = open();
    frozen.socket.write('a');
    await until(() => expect(frozen.received()).toBe('a'));
    expect(proxy.freezeOpen()).toBe(1);
    frozen.socket.write('b');
    await until(() => expect(proxy.dropped.toServer).toBe(1));
    const fresh = open();
    fresh.socket.write('c');
    await until(() => expect(fresh.received()).toBe('c'));
    expect([frozen.received(), frozen.ended()]).toEqual(['a', false]);
  });

  it('holds requests, also of a client that has hung up', async () => {
    const { socket, received } = open();
    socket.write('a');
    await until(() => expect(received()).toBe('a'));
    const held = proxy.hold();
    socket.write('bcd');
    await until(() => expect(held.has('bcd')).toBe(true));
    socket.destroy();
    await until(() => expect(socket.destroyed).toBe(true));
    expect([held.bytes, echoed]).toEqual([3, 1]);
    held.release(2);
    await until(() => expect(echoed).toBe(3));
  });

  it('holds a request it was told to wait for, and hands it on when it is released', async () => {
    const [other, { socket, received }] = [open(), open()];
    const trap = proxy.trap('needle', 'hold');
    socket.write('hay nee');
    await until(() => expect(received()).toBe('hay nee'));
    expect(trap.sprung).toBe(false);
    socket.write('dle');
    await until(() => expect(trap.sprung).toBe(true));
    socket.write(' more');
    other.socket.write('needle');
    await until(() => expect(other.received()).toBe('needle'));
    expect(received()).toBe('hay nee');
    trap.release();
    await until(() => expect(received()).toBe('hay needle more'));
  });

  it('lets a request pass and swallows its reply', async () => {
    const { socket, received } = open();
    const trap = proxy.trap('needle', 'deafen');
    socket.write('needle');
    await until(() => expect(proxy.dropped.toClient).toBe(6));
    expect([trap.sprung, echoed, received()]).toEqual([true, 6, '']);
    proxy.trap('never', 'hold').disarm();
  });

  it('ends connections after so many bytes', async () => {
    const { socket, received, ended } = open();
    const cut = proxy.cutAfter(6);
    socket.write('abc');
    await until(() => expect(received()).toBe('abc'));
    expect([cut.hits, ended()]).toEqual([0, false]);
    socket.write('def');
    await until(() => expect(ended()).toBe(true));
    expect([cut.hits, received()]).toEqual([1, 'abcdef']);
  });
});
