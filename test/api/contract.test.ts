/**
 * Replays what was recorded from v0.3.0, over a real socket, since a `Request` object resolves dot segments before anyone
 * can see them. Ids that the servers chose differ from run to run and are matched up as they come.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiServer } from '../../src/api/server.ts';
import { serveApi } from '../../src/api/server.ts';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, Instant } from '../../src/domain/ids.ts';
import { environmentBody, harness } from './harness.ts';

interface Recorded {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body?: string };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

const file = new URL('../contract/v0.3-http-cases.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Recorded[] };

interface Deviation {
  readonly why: string;
  readonly status?: number;
  readonly body?: string;
}

const tokenRefused = (rule: string): Deviation => ({
  why: 'design 5: a missing or malformed deploymentToken is 400 with a reason',
  status: 400,
  body: `deploymentToken in query ${rule}\n`,
});
const NOT_A_UUID = tokenRefused("should match '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'");
const noRequestId = (family: string): Deviation => ({
  why: "ECS's own words without the Go SDK's tail of status code and request id",
  body: `Error calling DescribeTaskDefinition for taskDefinition ${family}: ClientException: Unable to describe task definition.\n`,
});

const DEVIATIONS: Readonly<Record<string, Deviation>> = {
  'create: empty taskDefinition': noRequestId(''),
  'create: task definition that does not exist': noRequestId('notd'),
  'deploy: no token': tokenRefused('is required'),
  'deploy: empty token': tokenRefused('is required'),
  'deploy: token in the body': tokenRefused('is required'),
  'deploy: malformed token': NOT_A_UUID,
  'deploy: uppercase token': NOT_A_UUID,
  'deploy: token with a suffix': NOT_A_UUID,
  'deploy: wrong token': {
    why: "design 5: an outdated token's error does not tell the right one",
    body: "Token '11111111-2222-3333-4444-555555555555' is outdated and does not match the environment token; GET the environment for that\n",
  },
  'deploy: missing environment': {
    why: 'v0.3.0 printed the name of its variable in place of the name of the environment',
    body: "Environment with name 'missing' does not exist\n",
  },
};

/** What the recording did to the world between two of its cases: their names tell with what (an extra field, which is refused now, and a content type). */
const createUnrecorded = async (name: string, token: string, body: object, headers: Record<string, string>) => {
  const made = await h.post('/v1/environments', environmentBody({ name, ...body }), headers);
  ours.set(token, (JSON.parse(made.text) as { deploymentToken: string }).deploymentToken);
};
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  'list environments': async () => {
    await createUnrecorded('extra', 'e5dd0e69-ef04-4754-8f3f-7b7d920f61f6', {}, {});
    const plain = { 'Content-Type': 'text/plain' };
    await createUnrecorded('textplain', 'eaf1d7ae-3e9c-49d1-974d-ff44aa4b6c8b', {}, plain);
  },
  'get deployment running': () => setProgress('running'),
  'get deployment completed': () => setProgress('completed'),
};

const DEPLOYMENT = 'a4831b1c-e877-4333-9541-a7c42b5fcd1e';
const setProgress = (state: 'running' | 'completed') =>
  h.store.setProgress(as<EnvironmentName>('web_1-A'), {
    id: as<DeploymentId>(ours.get(DEPLOYMENT) ?? 'not deployed'),
    state,
    endedAt: state === 'completed' ? as<Instant>(1) : null,
  });

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
/** Recorded id to the id that this run has in its place. */
const ours = new Map<string, string>();
const h = harness();
let server: ApiServer;

beforeAll(async () => {
  server = await serveApi({ app: h.app, host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

const translate = (text: string): string =>
  text.replaceAll(UUID, (id) => {
    const known = ours.get(id.toLowerCase());
    if (known === undefined) return id;
    return id === id.toLowerCase() ? known : known.toUpperCase();
  });

/** Learns the ids of an answer from where they stand in the recorded one. */
const learn = (recorded: unknown, got: unknown): void => {
  if (typeof recorded === 'string' && typeof got === 'string') {
    if (recorded.match(UUID)?.[0] === recorded && !ours.has(recorded)) ours.set(recorded, got);
  } else if (typeof recorded === 'object' && recorded !== null && typeof got === 'object' && got !== null) {
    for (const [key, value] of Object.entries(recorded)) learn(value, (got as Record<string, unknown>)[key]);
  }
};

const send = ({ method, path, body }: Recorded['request']) =>
  new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, method, path: translate(path) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : translate(body));
  });

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

let ran = 0;
const deviated = new Set<string>();

describe('the contract of v0.3.0', () => {
  it.each(cases)('$name', async (recorded) => {
    ran += 1;
    await BEFORE[recorded.name]?.();
    const got = await send(recorded.request);
    const deviation = DEVIATIONS[recorded.name];
    if (deviation !== undefined) deviated.add(recorded.name);

    expect(got.status).toBe(deviation?.status ?? recorded.response.status);
    for (const [header, value] of Object.entries(recorded.response.headers)) {
      expect(got.headers[header.toLowerCase()], header).toBe(translate(value));
    }
    if (deviation?.body !== undefined) {
      expect(got.body).toBe(deviation.body);
      return;
    }
    if (!recorded.response.body.startsWith('{')) {
      expect(got.body).toBe(translate(recorded.response.body));
      return;
    }
    expect(got.body.endsWith('}\n')).toBe(true);
    const expected = JSON.parse(recorded.response.body) as { items?: { name: string }[] };
    const actual = JSON.parse(got.body) as { items?: { name: string }[] };
    learn(expected, actual);
    const wanted = JSON.parse(translate(recorded.response.body)) as typeof expected;
    // design 5: lists have a stable order, by name; v0.3.0 had that of a hash map.
    if (wanted.items?.[0]?.name !== undefined) wanted.items.sort(byName);
    expect(actual).toMatchObject(wanted);
    expect(actual.items?.length).toBe(wanted.items?.length);
  });

  it('ran every case, and deviated where it says', () => {
    expect(cases).toHaveLength(77);
    expect(ran).toBe(77);
    expect([...deviated].toSorted()).toEqual(Object.keys(DEVIATIONS).toSorted());
  });
});
