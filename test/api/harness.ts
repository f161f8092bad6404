/** The API on an in-memory store, a small ECS and a recording mailbox; time and ids are the test's own. */
import { Writable } from 'node:stream';
import pino from 'pino';
import type { Mailbox } from '../../src/actors/mailbox.ts';
import { createApp } from '../../src/api/app.ts';
import type { ApiDeps, Readiness } from '../../src/api/app-env.ts';
import { API_LIMITS } from '../../src/api/limits.ts';
import { as } from '../../src/domain/ids.ts';
import type { ClusterArn, EnvironmentName, Instant, TaskDefinitionArn } from '../../src/domain/ids.ts';
import type { Resolution, ResolvedTaskDefinition } from '../../src/ecs/gateway.ts';
import type { Hint, HintQueue } from '../../src/intake/hints.ts';
import { TestStore } from './test-store.ts';

export const ACCOUNT = 'arn:aws:ecs:us-east-1:123456789012';

/** Clusters c1, c2, and cgone INACTIVE; definitions daemon:1 and :2, checked:1 with a health check, vpc:1 of awsvpc, and oldtd:1 INACTIVE. */
export const fakeEcs: ApiDeps['ecs'] = {
  resolveCluster: (given): Promise<Resolution<ClusterArn>> => {
    const name = given.replace(`${ACCOUNT}:cluster/`, '');
    if (name === 'cgone') return Promise.resolve({ kind: 'inactive' });
    if (name === 'c1' || name === 'c2') {
      return Promise.resolve({ kind: 'found', value: as<ClusterArn>(`${ACCOUNT}:cluster/${name}`) });
    }
    return Promise.resolve({ kind: 'missing', fault: { code: 'MISSING', message: 'Cluster not found.' } });
  },
  resolveTaskDefinition: (given): Promise<Resolution<ResolvedTaskDefinition>> => {
    const family = given.replace(`${ACCOUNT}:task-definition/`, '');
    const found = (arn: string, networkMode: string | null): Resolution<ResolvedTaskDefinition> => ({
      kind: 'found',
      value: {
        arn: as<TaskDefinitionArn>(`${ACCOUNT}:task-definition/${arn}`),
        networkMode,
        healthCheck: arn === 'checked:1',
        needs: { cpu: 0, memory: 0, gpus: 0, tcpPorts: [], udpPorts: [], attributes: [] },
      },
    });
    if (family === 'daemon' || family === 'daemon:1') return Promise.resolve(found('daemon:1', null));
    if (family === 'daemon:2' || family === 'checked:1') return Promise.resolve(found(family, null));
    if (family === 'vpc' || family === 'vpc:1') return Promise.resolve(found('vpc:1', 'awsvpc'));
    if (family === 'oldtd:1') return Promise.resolve({ kind: 'inactive' });
    return Promise.resolve({
      kind: 'missing',
      fault: { code: 'ClientException', message: 'Unable to describe task definition.' },
    });
  },
};

class FakeMailbox implements Mailbox {
  readonly sent: string[] = [];
  /** False: Redis is down. */
  up = true;

  wake(environment: string, reason: string): Promise<boolean> {
    this.sent.push(`wake ${environment} ${reason}`);
    return Promise.resolve(this.up);
  }

  wakeAt(environment: string): Promise<boolean> {
    this.sent.push(`wakeAt ${environment}`);
    return Promise.resolve(this.up);
  }

  requestSurvey(cluster: string): Promise<boolean> {
    this.sent.push(`survey ${cluster}`);
    return Promise.resolve(this.up);
  }
}

/** Takes hints while it is up. */
class FakeHints implements HintQueue {
  readonly taken: Hint[] = [];
  up = true;

  add(hints: readonly Hint[]): Promise<boolean> {
    if (this.up) this.taken.push(...hints);
    return Promise.resolve(this.up);
  }
}

/** Knows no environment. */
const BLIND: ApiDeps['insight'] = {
  hosts: () => Promise.resolve(null),
  knows: () => Promise.resolve(null),
  history: () => Promise.resolve([]),
  status: () => Promise.resolve(null),
  foretell: () => Promise.resolve(null),
};

export interface Call {
  readonly method?: string;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly headers?: Record<string, string>;
}

/** `over` replaces dependencies; the store that is left is the one `store` shows. */
export const harness = (over: Partial<ApiDeps> = {}) => {
  const store = new TestStore();
  const mailbox = new FakeMailbox();
  const hints = new FakeHints();
  const readiness: { now: Readiness } = { now: { etcd: 'up', redis: 'up' } };
  const logged: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  let ids = 0;
  let at = Date.UTC(2026, 7, 1);
  const deps: ApiDeps = {
    store,
    view: store,
    ecs: fakeEcs,
    mailbox,
    hints,
    insight: BLIND,
    now: () => as<Instant>((at += 1)),
    uuid: () => `abcdef00-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    log: pino({ level: 'debug' }, sink),
    ready: () => Promise.resolve(readiness.now),
    limits: API_LIMITS,
    version: '1.2.3',
    ...over,
  };
  const app = createApp(deps);
  const call = async (path: string, { method = 'GET', body, headers = {} }: Call = {}) => {
    const response = await app.request(path, {
      method,
      headers,
      ...(body !== undefined && { body, duplex: 'half' }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, { method: 'POST', body: JSON.stringify(body), headers });

  return {
    app,
    deps,
    store,
    mailbox,
    hints,
    readiness,
    logged,
    call,
    post,
    create: async (name = 'web', over: object = {}) => {
      const made = await post('/v1/environments', environmentBody({ name, ...over }));
      return JSON.parse(made.text) as { deploymentToken: string; name: EnvironmentName };
    },
    deploy: (name: string, token: string, headers: Record<string, string> = {}) =>
      call(`/v1/environments/${name}/deployments?deploymentToken=${token}`, { method: 'POST', headers }),
    /** Patches with the token as `If-Match`. */
    patch: (name: string, token: string, body: object) =>
      call(`/v1/environments/${name}`, {
        method: 'PATCH',
        body: JSON.stringify(body),
        headers: { 'If-Match': `"${token}"` },
      }),
    /** A POST without a body, below the environment. */
    order: (path: string, body?: object) =>
      call(`/v1/environments/${path}`, {
        method: 'POST',
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    /** The deploymentToken that an answer shows. */
    token: (answer: { readonly text: string }) =>
      (JSON.parse(answer.text) as { readonly deploymentToken: string }).deploymentToken,
    /** The spec as it is stored. */
    spec: async (name = 'web') => {
      const record = await store.read(as<EnvironmentName>(name));
      if (record === null) throw new Error(`no environment ${name}`);
      return record.spec.value;
    },
  };
};

export const environmentBody = (over: object = {}): object => ({
  name: 'web',
  instanceGroup: { cluster: 'c1' },
  taskDefinition: 'daemon',
  ...over,
});

/** With an environment `other` on the cluster, and one on another. */
export const neighbours = async () => {
  const h = harness();
  await h.create('other');
  await h.create('elsewhere', { instanceGroup: { cluster: 'c2' } });
  return h;
};
