/** The parts of the API that only a socket shows. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiServer } from '../../src/api/server.ts';
import { ListenError, serveApi } from '../../src/api/server.ts';
import { harness } from './harness.ts';

const servers: ApiServer[] = [];
/** The bound is beyond the test's own, so that closing in time is not the bound's doing. */
const start = async (h = harness(), closeWithinMs = 60_000) => {
  const server = await serveApi({ app: h.app, host: '127.0.0.1', port: 0, closeWithinMs });
  servers.push(server);
  return { h, server, url: `http://127.0.0.1:${server.port}` };
};

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Sends bytes as they stand, and gives back what comes until the server closes. */
const sendRaw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let got = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => (got += chunk));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });

describe('listening', () => {
  it('says that the port is in use, and what to do', async () => {
    const { h, server } = await start();
    const second = serveApi({ app: h.app, host: '127.0.0.1', port: server.port });
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${server.port}: the port is in use. Stop what uses it, or choose another with --bind`,
    );
  });

  it('says that the address is not of this machine', async () => {
    const { h } = await start();
    await expect(serveApi({ app: h.app, host: '192.0.2.1', port: 0 })).rejects.toThrow(
      'Cannot listen on 192.0.2.1:0: this machine does not have that address',
    );
  });
});

describe('over the wire', () => {
  it.each(['GET', 'HEAD'])('an answer to %s has its headers: those of every one, and its own', async (method) => {
    const { url } = await start();
    const body = JSON.stringify({ name: 'agent', instanceGroup: { cluster: 'c1' }, taskDefinition: 'daemon' });
    const made = await fetch(`${url}/v1/environments`, { method: 'POST', body });
    const { deploymentToken } = (await made.json()) as { deploymentToken: string };
    const answer = await fetch(`${url}/v1/environments/agent`, { method, headers: { 'X-Request-Id': 'mine' } });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json; charset=UTF-8',
      etag: `"${deploymentToken}"`,
      'x-request-id': 'mine',
    });
  });

  it('refuses 2 MB with 413, told or in chunks, and goes on serving', async () => {
    const { h, url, server } = await start();
    const long = Buffer.alloc(2 * 1024 * 1024, 'x');
    const told = await fetch(`${url}/v1/environments`, { method: 'POST', body: long });
    expect(told.status).toBe(413);
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: server.port, method: 'POST', path: '/v1/environments' },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      outgoing.on('error', reject);
      for (let at = 0; at < long.length; at += 65_536) outgoing.write(long.subarray(at, at + 65_536));
      outgoing.end();
    });
    expect(chunked).toBe(413);
    expect((await fetch(`${url}/v1/ping`)).status).toBe(200);
    expect(await h.store.names()).toHaveLength(0);
  });

  it('HEAD has the headers of GET and no body', async () => {
    const { h, url } = await start();
    await h.create('web');
    const head = await fetch(`${url}/v1/environments/web`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(await head.text()).toBe('');
  });

  it.each([
    '/v1/%',
    '/v1/environments/%zz',
    '/v1/environments/%E0%A4%A',
    '/v1/a\\b',
    '*',
    '/v1/environments?cluster=%',
  ])('an odd target is no fault of ours: %s', async (target) => {
    const { server } = await start();
    const answer = await sendRaw(server.port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });
});

describe('closing', () => {
  it('lets requests under way finish, closes kept connections, and then accepts none', async () => {
    let answer = (): void => {};
    let arrived = (): void => {};
    const underWay = new Promise<void>((resolve) => (arrived = resolve));
    const h = harness({
      ready: async () => {
        arrived();
        await new Promise<void>((resolve) => (answer = resolve));
        return { etcd: 'up', redis: 'up' };
      },
    });
    const { server, url } = await start(h);
    const slow = fetch(`${url}/readyz`);
    await underWay;
    const closing = server.close();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    answer();
    expect((await slow).status).toBe(200);
    await closing;
    await server.close();
  });

  it('cuts what does not finish in time', async () => {
    let arrived = (): void => {};
    const underWay = new Promise<void>((resolve) => (arrived = resolve));
    const h = harness({
      ready: () => {
        arrived();
        return new Promise(() => {});
      },
    });
    const { server, url } = await start(h, 20);
    const hung = fetch(`${url}/readyz`);
    const outcome = expect(hung).rejects.toThrow();
    await underWay;
    await server.close();
    await outcome;
  });
});
