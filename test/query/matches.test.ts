/** Which hosts a query is about. The simulator reads the language by itself: both must say the same. */
import { assert, constantFrom, oneof, option, property, record, subarray, tuple, type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery as parseOfSimulator } from '../../sim/model/query-parser.ts';
import { matches as matchesInSimulator } from '../../sim/model/query-evaluation.ts';
import type { Host } from '../../sim/model/records.ts';
import type { Instance } from '../../src/domain/facts.ts';
import { as, type Instant } from '../../src/domain/ids.ts';
import { matches } from '../../src/query/matches.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { instance } from '../planner/fixtures.ts';

const REGISTERED = as<Instant>(Date.UTC(2027, 0, 15, 8));

const asked = (text: string, host: Instance): boolean => {
  const parsed = parseQuery(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.position} ${parsed.problem}`);
  return matches(parsed.query, host);
};

describe('a host', () => {
  const host = instance(1, {
    ec2InstanceId: 'i-abc',
    agentVersion: '1.90.0',
    registeredAt: REGISTERED,
    attributes: new Map([
      ['stack', 'prod'],
      ['size', '10'],
      ['flag', null],
    ]),
  });

  test.each([
    ["ec2InstanceId in ['i-1', 'i-abc']"],
    ['ec2InstanceId in [i-abc]'],
    ['ec2InstanceId == "i-abc"'],
    ['ec2InstanceId !in [i-1]'],
    ['ec2InstanceId =~ i-a.*'],
    ['ec2InstanceId !~ i-a'],
    ['attribute:stack equals prod'],
    ['attribute:missing != test'],
    ['attribute:missing !in [test]'],
    ['attribute:missing !~ .*'],
    ['attribute:missing !exists'],
    ['attribute:flag exists'],
    ["attribute:flag == ''"],
    ["attribute:stack =~ 'pr[aeiou]d|test'"],
    ['attribute:size > 9'],
    ['attribute:size >= 10.0'],
    ['attribute:stack > prnd'],
    ['agentConnected == true'],
    ['agentConnected =~ t.*'],
    ['agentVersion >= 1.9.0'],
    ['agentVersion < 1.100'],
    ['agentVersion == 1.90'],
    ['agentVersion != 1.90.1'],
    ['registeredAt == 2027-01-15T08:00:00Z'],
    ['registeredAt == 2027-01-15T08:00:00'],
    ['registeredAt == 2027-01-15T09:00:00+01:00'],
    ['registeredAt > 2027-01-15'],
    ['attribute:stack == prod or attribute:stack == test and attribute:size == 1'],
    ['not not attribute:stack == prod'],
    ["  attribute:stack=='prod'  "],
  ])('satisfies %s', (text) => {
    expect(asked(text, host)).toBe(true);
  });

  test.each([
    ['ec2InstanceId =~ i-a'],
    ['attribute:stack == PROD'],
    ['attribute:stack !exists'],
    ['attribute:missing == test'],
    ['attribute:missing =~ .*'],
    ['attribute:missing < 5'],
    ['attribute:size == 10.0'],
    ['attribute:size > 10'],
    ["attribute:stack =~ 'prod|test' and agentConnected == false"],
    ['agentVersion > 1.90.0'],
    ['registeredAt > 2027-01-15T08:00:00Z'],
    ['(attribute:stack == prod or attribute:stack == test) and attribute:size == 1'],
    ['not attribute:stack == prod'],
  ])('does not satisfy %s', (text) => {
    expect(asked(text, host)).toBe(false);
  });

  test('without an id, a version or a moment satisfies negations alone', () => {
    const bare = instance(1, { ec2InstanceId: null, agentVersion: null, registeredAt: null });
    for (const [is, not] of [
      ['ec2InstanceId =~ .*', 'ec2InstanceId !~ .*'],
      ['agentVersion == 1.0', 'agentVersion != 1.0'],
      ['registeredAt == 2027-01-15', 'registeredAt != 2027-01-15'],
    ] as const) {
      expect([asked(is, bare), asked(not, bare)]).toEqual([false, true]);
    }
    for (const order of [
      'agentVersion < 9',
      'agentVersion >= 0',
      'registeredAt < 2999-01-01',
      'registeredAt > 1970-01-01',
    ])
      expect(asked(order, bare), order).toBe(false);
  });

  test('of whose version the build does not count', () => {
    expect(asked('agentVersion == 1.90.0', { ...host, agentVersion: 'v1.90.0-dirty' })).toBe(true);
    expect(asked('agentVersion == 1.90.0', { ...host, agentVersion: 'unknown' })).toBe(false);
  });

  test('with a value that no host of ECS has matches no pattern', () => {
    const long = { ...host, attributes: new Map([['stack', 'a'.repeat(129)]]) };
    expect(asked('attribute:stack =~ a*', long)).toBe(false);
  });
});

const NAMES = ['stack', 'ecs.availability-zone', 'size'];
const VALUES = ['prod', 'test', 'eu-west-1a', 'eu-west-1b', '9', '10', '-3.5'];
const IDS = ['i-1', 'i-2', 'mi-3'];
const VERSIONS = ['1.9.0', '1.90.0', '1.90.1', '2.0.0'];
const MOMENTS = ['2027-01-15T08:00:00Z', '2027-01-15T08:00:01+00:00', '2027-01-14T23:00:00-09:00', '2027-01-15'];
const PATTERNS = ['.*', 'prod|test', '[a-z]+-.*', 'eu-west-1[ab]', '\\d+', 'i-.', '(m?i)-[0-9]', 'true'];
const ORDER = ['==', '!=', '>', '>=', '<', '<=', 'less_than', 'greater_than_equal', 'not_equals'];
const LISTS = ['in', '!in', 'not_in'];

const quoted = (values: readonly string[]) => constantFrom(...values.flatMap((value) => [`'${value}'`, `"${value}"`]));
const texts = (subject: Arbitrary<string>, values: readonly string[], operators: readonly string[]) => [
  tuple(subject, constantFrom(...operators), quoted(values)),
  tuple(
    subject,
    constantFrom(...LISTS),
    subarray([...values], { minLength: 1 }).map((some) => `[${some.join(', ')}]`),
  ),
  tuple(subject, constantFrom('=~', '!~', 'matches'), quoted(PATTERNS)),
];

const attribute = constantFrom(...NAMES.map((name) => `attribute:${name}`));
const condition = oneof(
  ...texts(attribute, VALUES, ORDER),
  ...texts(constantFrom('ec2InstanceId'), IDS, ['==', '!=', 'equals']),
  ...texts(constantFrom('agentConnected'), ['true', 'false'], ['==', '!=']),
  tuple(constantFrom('agentVersion'), constantFrom(...ORDER), constantFrom(...VERSIONS)),
  tuple(constantFrom('registeredAt'), constantFrom(...ORDER), constantFrom(...MOMENTS)),
  tuple(attribute, constantFrom('exists', '!exists', 'not_exists'), constantFrom('')),
).map((parts) => parts.join(' '));

/** Conditions joined with and without parentheses, so that precedence counts. */
const queries = (depth: number): Arbitrary<string> => {
  if (depth === 0) return condition;
  const inner = queries(depth - 1);
  const joined = tuple(inner, constantFrom('and', 'or', '&&', '||'), inner).map((parts) => parts.join(' '));
  return oneof(
    condition,
    joined,
    joined.map((text) => `(${text})`),
    tuple(constantFrom('not ', '!'), joined).map(([not, text]) => `${not}(${text})`),
    tuple(constantFrom('not ', '! '), condition).map((parts) => parts.join('')),
  );
};

const hosts = record({
  ec2InstanceId: constantFrom(...IDS),
  agentVersion: constantFrom(...VERSIONS),
  agentConnected: constantFrom(true, false),
  registeredAt: constantFrom(...MOMENTS.map((moment) => Date.parse(moment))),
  values: tuple(...NAMES.map(() => option(option(constantFrom(...VALUES)), { nil: undefined }))),
});

test('says what the simulator says, of any query and any host', () => {
  assert(
    property(queries(3), hosts, (text, { values, ...host }) => {
      const attributes = new Map<string, string | null>();
      for (const [n, value] of values.entries()) if (value !== undefined) attributes.set(NAMES[n] ?? '', value);
      const simulated = parseOfSimulator(text);
      if (!simulated.ok) throw new Error(`${text}: ${simulated.problem}`);
      const ours = asked(text, instance(1, { ...host, registeredAt: as<Instant>(host.registeredAt), attributes }));
      expect(ours, text).toBe(
        matchesInSimulator(simulated.query, { ...host, attributes, tasks: new Set() } as unknown as Host),
      );
    }),
    { numRuns: 2_000 },
  );
});
