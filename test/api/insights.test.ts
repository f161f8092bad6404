/** What is told of hosts over HTTP: how a host is named, and what is said when nothing is known. */
import { describe, expect, it } from 'vitest';
import type { ApiDeps } from '../../src/api/app-env.ts';
import { as } from '../../src/domain/ids.ts';
import type { InstanceArn, Instant } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/launch.ts';
import { InsightUnavailableError, type HostView } from '../../src/insight/insight.ts';
import { ACCOUNT, environmentBody, harness } from './harness.ts';

const arnOf = (id: string): InstanceArn => as<InstanceArn>(`${ACCOUNT}:container-instance/c1/${id}`);

const hostOf = (id: string, changes: Partial<HostView> = {}): HostView => ({
  instance: arnOf(id),
  ec2InstanceId: `i-${id}`,
  status: 'ACTIVE',
  state: 'ready',
  task: null,
  since: null,
  wave: null,
  waitingFor: null,
  until: null,
  explanation: 'covered: its task is ready',
  failedAttempts: 0,
  ...changes,
});

/** Their history names them, so that it is seen whose it is. */
const knowing = async (...hosts: readonly HostView[]) => {
  const entry = (saw: string): HistoryEntry => ({ at: as<Instant>(0), saw, rule: 'H2', did: 'x', outcome: null });
  const insight: ApiDeps['insight'] = {
    hosts: () => Promise.resolve(hosts),
    knows: (_, host) => Promise.resolve(hosts.some(({ instance }) => instance === host)),
    history: (_, host) => Promise.resolve([entry(host)]),
    status: () => Promise.reject(new InsightUnavailableError('the hosts of the cluster are not known yet')),
    foretell: () => Promise.resolve(null),
  };
  const h = harness({ insight });
  await h.post('/v1/environments', environmentBody());
  const get = (id: string) => h.call(`/v1/environments/web/hosts/${encodeURIComponent(id)}`);
  const shown = async (id: string): Promise<unknown> => {
    const { status, text } = await get(id);
    expect(status, text).toBe(200);
    const { instance, history } = JSON.parse(text) as { instance: string; history: { saw: string }[] };
    expect(history.map(({ saw }) => saw)).toEqual([instance]);
    return instance;
  };
  return { h, get, shown };
};

describe('a host', () => {
  it.each([
    ['the id of its container instance', 'aa'],
    ['its ARN', arnOf('aa')],
    ['its EC2 instance id', 'i-aa'],
  ])('is shown, with its own history, by %s', async (_, id) => {
    const { shown } = await knowing(hostOf('bb'), hostOf('aa'));
    expect(await shown(id)).toBe(arnOf('aa'));
  });

  it('that is external is shown by its SSM id', async () => {
    const { shown } = await knowing(hostOf('aa', { ec2InstanceId: 'mi-0a1b' }));
    expect(await shown('mi-0a1b')).toBe(arnOf('aa'));
  });

  it.each<readonly [string, Partial<HostView>]>([
    ['is gone', { status: null, state: 'empty' }],
    ['drains', { status: 'DRAINING', state: 'draining' }],
    ['has lost its agent', { state: 'disconnected' }],
  ])('is shown by its ACTIVE registration when an earlier one of the machine %s', async (_, earlier) => {
    const machine = { ec2InstanceId: 'i-0a1b' };
    const { shown } = await knowing(hostOf('aa', { ...machine, ...earlier }), hostOf('bb', machine));
    expect(await shown('i-0a1b')).toBe(arnOf('bb'));
    const other = await knowing(hostOf('aa', machine), hostOf('bb', { ...machine, ...earlier }));
    expect(await other.shown('i-0a1b')).toBe(arnOf('aa'));
  });

  it('that nobody knows is 404', async () => {
    const { get } = await knowing(hostOf('aa'));
    expect(await get('i-0a1b')).toMatchObject({
      status: 404,
      text: 'Host i-0a1b is not known to environment web; a new one is seen within a survey\n',
    });
    expect(await get('cc')).toMatchObject({ status: 404 });
  });

  it.each(['exclude', 'include', 'retry'])('that nobody knows is not given an order to %s', async (order) => {
    const { h } = await knowing(hostOf('aa'));
    const before = await h.store.inventory();
    expect(await h.order(`web/hosts/cc/${order}`)).toMatchObject({
      status: 404,
      text: `Host ${arnOf('cc')} is not known to environment web; a new one is seen within a survey\n`,
    });
    expect(await h.store.inventory()).toEqual(before);
    expect((await h.order(`web/hosts/aa/${order}`)).status).toBe(200);
  });

  it('that is excluded is included again though it is gone', async () => {
    const hosts = [hostOf('aa')];
    const { h } = await knowing(hosts[0] as HostView);
    await h.order('web/hosts/aa/exclude');
    const excluded = (await h.spec()).excluded;
    expect(excluded).toEqual([arnOf('aa')]);
    h.deps.insight.knows = () => Promise.resolve(false);
    expect((await h.order('web/hosts/aa/include')).status).toBe(200);
    expect((await h.spec()).excluded).toEqual([]);
    expect((await h.order('web/hosts/aa/include')).status).toBe(404);
  });

  it('is not given an order by the id of its machine, which may have several registrations', async () => {
    const { h } = await knowing(hostOf('aa'));
    const refused = await h.order('web/hosts/i-aa/exclude');
    expect(refused).toMatchObject({ status: 400, text: expect.stringContaining('id of its container instance') });
  });
});

it('counts that nobody can tell are 503, to be asked for again', async () => {
  const { h } = await knowing();
  const refused = await h.call('/v1/environments/web/status');
  expect(refused).toMatchObject({ status: 503, text: expect.stringContaining('not known yet') });
  expect(refused.headers.get('Retry-After')).not.toBeNull();
});
