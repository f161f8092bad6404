import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import {
  deploymentCodec,
  fenceCodec,
  historyCodec,
  launchCodec,
  nameCodec,
  progressCodec,
  rememberedCodec,
  revisionCodec,
  slotCodec,
  specCodec,
  statusCodec,
  type Codec,
} from '../../src/store/codec.ts';
import { packArns, packFailures, unpackArns, unpackFailures } from '../../src/store/failures-codec.ts';
import {
  AT,
  deploymentOf,
  historyEntry,
  instanceOf,
  launchOf,
  nameOf,
  progressOf,
  remembered,
  revisionOf,
  slotOf,
  specOf,
  statusOf,
} from './fixtures.ts';

const fullRevision = revisionOf(7, {
  healthCheck: true,
  networkConfiguration: { a: [1, { b: null }] },
  query: 'attribute:zone in [a, b]',
  configuration: {
    maxUnavailable: '12.5%',
    waves: [
      { of: { kind: 'canary', hosts: '5%' }, promote: 'manual', bakeMinutes: 0 },
      { of: { kind: 'attribute', name: 'ecs.availability-zone' }, promote: 'auto', bakeMinutes: 10 },
    ],
    minReadySeconds: 30,
    failures: 3,
    waveDeadlineMinutes: 60,
    alarms: ['errors'],
    rollback: 'pause',
  },
});
const said: Partial<EnvironmentSpec> = {
  orders: { paused: true, resumes: 2, promoted: 1, cancelled: true },
  frozen: true,
  excluded: [instanceOf(1)],
  retries: [{ instance: instanceOf(2), count: 3 }],
  adopt: { kind: 'service', value: 'agent' },
  drainAfter: [nameOf('logs')],
  required: true,
};
const fullProgress = progressOf(deploymentOf().id, {
  state: 'failed',
  endedAt: AT,
  reason: 'too many failures',
  waves: [
    { name: 'canary', of: { kind: 'canary', hosts: 5 }, promote: 'manual', bakeMinutes: 0 },
    { name: 'zone a', of: { kind: 'attribute', name: 'zone', value: 'a' }, promote: 'auto', bakeMinutes: 1 },
    { name: 'no zone', of: { kind: 'attribute', name: 'zone', value: null }, promote: 'auto', bakeMinutes: 1 },
    { name: 'rest', of: null, promote: 'auto', bakeMinutes: 0 },
  ],
  open: 2,
  doneAt: AT,
  ignoredAlarms: ['errors'],
  trip: { reason: 'too many failures', resumes: 1 },
  canaries: 2,
  forgiven: 4,
  failedInstances: [{ instance: instanceOf(1), reason: 'no', attempts: 3 }],
  deferredInstances: [instanceOf(2), instanceOf(3)],
});
const fullSlot = slotOf(1, {
  stop: { reason: 'not-matching', requestedAt: AT, accepted: false },
  tries: { count: 2, reason: 'RESOURCE:CPU', until: AT, template: revisionOf(1).template, exempt: true },
  supersededSince: AT,
  gapSince: AT,
  vacated: true,
  canary: { deployment: deploymentOf().id, wave: 0 },
  uncovered: { deployment: deploymentOf().id, ms: 1_500 },
  retried: 1,
  entries: 99,
});

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
  const rollback = deploymentOf({ kind: 'rollback', base: deploymentOf().id, rollsBack: deploymentOf().id });
  const stop = { reason: 'draining', requestedAt: AT, accepted: true } as const;

  it.each(
    Object.entries({
      spec: roundTrip(specCodec, specOf('web', { revision: fullRevision })),
      'spec with all that people say': roundTrip(specCodec, specOf('web', said)),
      'spec being deleted': roundTrip(specCodec, specOf('web', { deletion: { requestedAt: AT, tasks: 'keep' } })),
      revision: roundTrip(revisionCodec, fullRevision),
      'plain revision': roundTrip(revisionCodec, revisionOf(1)),
      deployment: roundTrip(deploymentCodec, deploymentOf()),
      rollback: roundTrip(deploymentCodec, rollback),
      progress: roundTrip(progressCodec, progressOf(rollback.id)),
      'full progress': roundTrip(progressCodec, fullProgress),
      status: roundTrip(statusCodec, {
        ...statusOf(3),
        health: 'unhealthy',
        reasons: ['a'],
        revisions: [fullRevision.id],
      }),
      slot: roundTrip(slotCodec, slotOf(1)),
      'full slot': roundTrip(slotCodec, fullSlot),
      history: roundTrip(historyCodec, historyEntry(1)),
      'history with an outcome': roundTrip(historyCodec, { ...historyEntry(1), outcome: 'none' }),
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
    const progress = writtenOf(progressCodec, fullProgress);
    expect(faultOf(progressCodec, spoiled(progress, { failures }))).toMatch(/names a reason that is not there/);
  });

  it('as an earlier release wrote it, with the name of what it lacks', () => {
    const { revision: _, orders: __, ...spec } = specOf('web');
    const old = { ...spec, taskDefinition: 'arn', networkConfiguration: null };
    const fault = faultOf(specCodec, JSON.stringify({ v: 1, value: old }));
    expect(fault).toMatch(/^revision: .*expected object, received undefined; orders: .*expected object/);
    expect(fault).toContain('Unrecognized keys: "taskDefinition", "networkConfiguration"');
    expect(faultOf(slotCodec, spoiled(slotOf(1), { entries: undefined }))).toMatch(/^entries: .*received undefined$/);
  });

  it.each(['10', '%', 'x%', '', null, 1.5])('%j is no number of hosts', (maxUnavailable) => {
    const configuration = { ...fullRevision.configuration, maxUnavailable };
    expect(faultOf(revisionCodec, spoiled(fullRevision, { configuration }))).toMatch(
      /^configuration\.maxUnavailable: /,
    );
  });

  const written = {
    spec: sample(
      specCodec,
      specOf('web', { ...said, revision: fullRevision, deletion: { requestedAt: AT, tasks: 'keep' } }),
    ),
    revision: sample(revisionCodec, fullRevision),
    deployment: sample(deploymentCodec, deploymentOf({ revision: fullRevision })),
    progress: sample(progressCodec, fullProgress),
    status: sample(statusCodec, statusOf(1)),
    slot: sample(slotCodec, fullSlot),
    history: sample(historyCodec, historyEntry(1)),
    launch: sample(launchCodec, launchOf(1)),
    remembered: sample(rememberedCodec, remembered('body').answer),
  };
  it.each(Object.entries(written))(
    'a %s with a member too many or too few, in any object of it',
    (_, { value, fault }) => {
      for (const path of objectsIn(value)) {
        const where = path.join('.');
        expect(fault(changedAt(value, path, (object) => ({ ...object, novelty: 1 })))).toContain(
          where === '' ? 'novelty' : path[0],
        );
        for (const member of Object.keys(objectAt(value, path))) {
          const fewer = changedAt(value, path, ({ [member]: _gone, ...others }) => others);
          // Where it may be one of several shapes, the fault names the place and no member.
          expect([where, member, fault(fewer)]).toEqual([
            where,
            member,
            expect.stringMatching(/: Invalid (input|option)/),
          ]);
        }
      }
    },
  );
});

type Members = { readonly [member: string]: unknown };

const writtenOf = <T>(codec: Codec<T>, value: T): Members =>
  (JSON.parse(codec.encode(value)) as { readonly value: Members }).value;
/** The written form of a value, and what is wrong with another one. */
function sample<T>(codec: Codec<T>, value: T) {
  return { value: writtenOf(codec, value), fault: (given: Members) => faultOf(codec, spoiled(given, {})) };
}

/** What ECS gets as it stands: we read no further than that it is an object. */
const PASSED_THROUGH = ['request', 'networkConfiguration'];
/** Ways to all objects in a value, its own included. */
function* objectsIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield path;
  for (const [member, inner] of Object.entries(value))
    if (!PASSED_THROUGH.includes(member)) yield* objectsIn(inner, [...path, member]);
}
const objectAt = (value: Members, path: readonly string[]): Members =>
  path.reduce((inner, member) => inner[member] as Members, value);
function changedAt(value: Members, [first, ...rest]: readonly string[], change: (object: Members) => Members): Members {
  if (first === undefined) return change(value);
  const inner = value[first];
  if (!Array.isArray(inner)) return { ...value, [first]: changedAt(inner as Members, rest, change) };
  const [index, ...deeper] = rest;
  return { ...value, [first]: inner.with(Number(index), changedAt(inner[Number(index)] as Members, deeper, change)) };
}

describe('deferred instances', () => {
  it('come out as they went in', () => {
    const arn = fc.oneof(fc.string({ minLength: 1 }), fc.nat(50).map(instanceOf));
    fc.assert(
      fc.property(fc.array(arn), (arns) => {
        const given = arns as Parameters<typeof packArns>[0];
        expect(unpackArns(packArns(given))).toEqual(given);
      }),
    );
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

  it('of 10,000 hosts, and as many deferred, fit into a transaction', () => {
    const failedInstances = Array.from({ length: 10_000 }, (_, n) => ({
      instance: instanceOf(n),
      reason: `${'x'.repeat(500)} ${n % 20}`,
      attempts: 3,
    }));
    const deferredInstances = failedInstances.map(({ instance }) => instance);
    const text = progressCodec.encode(progressOf(deploymentOf().id, { failedInstances, deferredInstances }));
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
  });
});
