import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deploymentCodec,
  fenceCodec,
  launchCodec,
  nameCodec,
  progressCodec,
  rememberedCodec,
  slotCodec,
  specCodec,
  statusCodec,
  type Codec,
} from '../../src/store/codec.ts';
import { packFailures, unpackFailures } from '../../src/store/failures-codec.ts';
import {
  AT,
  deploymentOf,
  instanceOf,
  launchOf,
  progressOf,
  remembered,
  slotOf,
  specOf,
  statusOf,
} from './fixtures.ts';

const faultOf = <T>(codec: Codec<T>, text: string): string => {
  const read = codec.decode(text);
  if (read.ok) throw new Error(`read ${text}`);
  return read.fault;
};
/** The value as it would be written, with members changed; undefined takes one away. */
const spoiled = (value: object, changes: object): string => JSON.stringify({ v: 1, value: { ...value, ...changes } });

describe('what is written is read back', () => {
  /** Encodes, decodes, and gives what comes back. */
  const roundTrip = <T>(codec: Codec<T>, value: T) => ({
    value,
    plain: codec.decode(codec.encode(value)),
    marked: codec.decode(codec.encode(value, 'op-1')),
  });
  const failedInstances = [{ instance: instanceOf(1), reason: 'no', attempts: 3 }];
  const stop = { reason: 'draining', requestedAt: AT, accepted: true } as const;

  it.each(
    Object.entries({
      spec: roundTrip(specCodec, specOf('web', { networkConfiguration: { a: [1, { b: null }] } })),
      'spec being deleted': roundTrip(specCodec, specOf('web', { deletion: { requestedAt: AT, tasks: 'keep' } })),
      deployment: roundTrip(deploymentCodec, deploymentOf()),
      progress: roundTrip(progressCodec, progressOf(deploymentOf().id, { completedAt: AT, failedInstances })),
      status: roundTrip(statusCodec, statusOf(3)),
      slot: roundTrip(slotCodec, slotOf(1)),
      'empty slot': roundTrip(slotCodec, slotOf(1, { task: null, stop, drainingSince: AT })),
      launch: roundTrip(launchCodec, launchOf(1, { noReplay: 'observed', emptyListingAt: AT })),
      remembered: roundTrip(rememberedCodec, remembered('body').answer),
      fence: roundTrip(fenceCodec, { holder: 'worker-1' }),
      name: roundTrip(nameCodec, specOf('web').id),
    }),
  )('%s', (_, { value, plain, marked }) => {
    expect(plain).toEqual({ ok: true, value, operation: null });
    expect(marked).toEqual({ ok: true, value, operation: 'op-1' });
  });

  it('a request with its members in order, so that it is replayed byte for byte', () => {
    const launch = launchOf(1, { request: { z: 1, a: { y: 2, b: [3] } } });
    const read = launchCodec.decode(launchCodec.encode(launch));
    expect(read.ok && JSON.stringify(read.value.request)).toBe('{"z":1,"a":{"y":2,"b":[3]}}');
  });
});

describe('what cannot be read in full is refused (C1)', () => {
  it.each(['', '{', 'null', '[]', '{"v":1}', '{"v":1,"value":null}'])('%j', (text) => {
    expect(slotCodec.decode(text).ok).toBe(false);
  });

  it('says why', () => {
    expect(faultOf(slotCodec, 'nonsense')).toBe('not JSON');
    expect(faultOf(slotCodec, '{"v":2,"value":{}}')).toBe('schema version 2, this release reads 1');
    expect(faultOf(slotCodec, '{"value":{}}')).toBe('schema version undefined, this release reads 1');
    expect(faultOf(slotCodec, spoiled(slotOf(1), { since: 'yesterday' }))).toMatch(/^since: .*expected (int|number)/);
    expect(faultOf(slotCodec, spoiled(slotOf(1), { since: undefined }))).toMatch(/^since: /);
    expect(faultOf(slotCodec, spoiled(slotOf(1), { since: 1.5 }))).toMatch(/^since: /);
    expect(faultOf(slotCodec, spoiled(slotOf(1), { novelty: 1 }))).toMatch(/novelty/);
    expect(faultOf(slotCodec, spoiled(slotOf(1), { task: { ...slotOf(1).task, novelty: 1 } }))).toMatch(
      /^task: .*novelty/,
    );
    expect(faultOf(launchCodec, spoiled(launchOf(1), { members: [{ instance: '', ec2InstanceId: null }] }))).toMatch(
      /^members\.0\.instance: /,
    );
    expect(faultOf(launchCodec, spoiled(launchOf(1), { request: [] }))).toMatch(/^request: /);
    expect(faultOf(specCodec, spoiled(specOf('web'), { deletion: { requestedAt: AT, tasks: 'burn' } }))).toMatch(
      /^deletion\.tasks: /,
    );
    const failures = { prefix: '', reasons: [], hosts: [['a', 0, 1]] };
    const { failedInstances: _, ...progress } = progressOf(deploymentOf().id);
    expect(faultOf(progressCodec, spoiled(progress, { failures }))).toMatch(/names a reason that is not there/);
  });
});

describe('failed instances', () => {
  it('come out as they went in', () => {
    const failure = fc.record({
      instance: fc.oneof(fc.string({ minLength: 1 }), fc.nat(50).map(instanceOf)),
      reason: fc.constantFrom('', 'a', 'b'),
      attempts: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(failure), (failures) => {
        const given = failures as Parameters<typeof packFailures>[0];
        expect(unpackFailures(packFailures(given))).toEqual(given);
      }),
    );
  });

  it('of 10,000 hosts fit into a transaction', () => {
    const failedInstances = Array.from({ length: 10_000 }, (_, n) => ({
      instance: instanceOf(n),
      reason: `${'x'.repeat(500)} ${n % 20}`,
      attempts: 3,
    }));
    const text = progressCodec.encode(progressOf(deploymentOf().id, { failedInstances }));
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
  });
});
