/** The small parts of the store that need no server: breaker, lease, gate. */
import { describe, expect, it } from 'vitest';
import { as, type Revision } from '../../src/domain/ids.ts';
import { breaker, EndpointAvoidedError } from '../../src/store/etcd-breaker.ts';
import { RevisionGate } from '../../src/store/revision-gate.ts';
import { SharedLease } from '../../src/store/shared-lease.ts';
import { range } from './fixtures.ts';

describe('the breaker', () => {
  const setUp = () => {
    const clock = { now: 0 };
    let sent = 0;
    const policy = breaker({
      failures: 3,
      avoidMs: 100,
      isEndpointFault: (error) => error === 'endpoint',
      now: () => clock.now,
    });
    const call = (outcome: 'ok' | 'endpoint' | 'ours') =>
      policy
        .execute(() => {
          sent += 1;
          return outcome === 'ok' ? Promise.resolve('ok') : Promise.reject(outcome);
        })
        .catch((error: unknown) => (error instanceof EndpointAvoidedError ? 'avoided' : error));
    return { clock, call, sent: () => sent };
  };

  it('avoids an endpoint after failures in a row, and tries it again after a while', async () => {
    const { clock, call, sent } = setUp();
    for (const _ of range(3)) expect(await call('endpoint')).toBe('endpoint');
    expect(await call('ok')).toBe('avoided');
    expect(sent()).toBe(3);
    clock.now = 100;
    expect(await call('endpoint')).toBe('endpoint');
    expect(await call('ok')).toBe('avoided');
    clock.now = 200;
    expect(await call('ok')).toBe('ok');
    for (const _ of range(2)) expect(await call('endpoint')).toBe('endpoint');
    expect(await call('ok')).toBe('ok');
  });

  it('does not count what was wrong with the call itself', async () => {
    const { call } = setUp();
    for (const _ of range(9)) expect(await call('ours')).toBe('ours');
    for (const outcome of ['endpoint', 'endpoint', 'ours', 'endpoint', 'endpoint'] as const) await call(outcome);
    expect(await call('ok')).toBe('ok');
  });
});

describe('the shared lease', () => {
  it('is granted once an hour, for at least a day more', async () => {
    const granted: number[] = [];
    let now = 0;
    const lease = new SharedLease({
      now: () => now,
      grant: async (seconds) => {
        granted.push(seconds);
        return `lease ${granted.length}`;
      },
    });
    expect(await Promise.all([lease.id(), lease.id()])).toEqual(['lease 1', 'lease 1']);
    now = 60 * 60 * 1_000 - 1;
    expect(await lease.id()).toBe('lease 1');
    now += 1;
    expect(await lease.id()).toBe('lease 2');
    lease.forget();
    expect(await lease.id()).toBe('lease 3');
    expect(granted.every((seconds) => seconds - 60 * 60 >= 24 * 60 * 60)).toBe(true);
  });

  it('is asked for again after a refusal', async () => {
    let calls = 0;
    const grant = async () => {
      calls += 1;
      if (calls === 1) throw new Error('away');
      return 'lease';
    };
    const lease = new SharedLease({ now: () => 0, grant });
    await expect(lease.id()).rejects.toThrow('away');
    expect(await lease.id()).toBe('lease');
  });
});

describe('the revision gate', () => {
  const revision = (n: number): Revision => as<Revision>(n);

  it('lets through those whose revision has come', async () => {
    const gate = new RevisionGate();
    const passed: number[] = [];
    for (const n of [5, 3, 5, 7]) void gate.reached(revision(n)).then(() => passed.push(n));
    gate.moveTo(revision(4));
    await gate.reached(revision(4));
    expect(passed).toEqual([3]);
    gate.moveTo(revision(6));
    await gate.reached(revision(6));
    expect(passed).toEqual([3, 5, 5]);
  });

  it('closes again when history went back', async () => {
    const gate = new RevisionGate();
    gate.moveTo(revision(9));
    gate.moveTo(revision(2));
    let passed = false;
    void gate.reached(revision(5)).then(() => (passed = true));
    await gate.reached(revision(2));
    expect(passed).toBe(false);
  });
});
