/** Wrong input of each new field gives its line, to POST and to PATCH alike, and changes nothing. */
import { describe, expect, it } from 'vitest';
import { ACCOUNT, environmentBody, harness, neighbours } from './harness.ts';

const amount = (least: number, most: number): string =>
  `in body should be a whole number from ${least} to ${most}, or from "1%" to "100%"`;
const range = (least: number, most: number): string => `in body should be a whole number from ${least} to ${most}`;
const configuration = (member: string, rule: string): string => `deploymentConfiguration.${member} ${rule}`;

/** Members of deploymentConfiguration, and the line each must give. */
const MEMBERS: readonly (readonly [member: string, values: readonly unknown[], line: string])[] = [
  [
    'maxUnavailable',
    [0, -1, 10_001, 1.5, '0%', '101%', '1.5%', '05%', '5', '%', '', true, [], {}, '5%\n'],
    amount(1, 10_000),
  ],
  ['failures', [2, 201, '0%', '101%', 'x', 3.5, false], amount(3, 200)],
  ['minReadySeconds', [-1, 3601, 0.5, '5', true], range(0, 3600)],
  ['waveDeadlineMinutes', [0, 10_081, 1.5, '1'], range(1, 10_080)],
  [
    'order',
    ['start-then-stop', '', 1, 'stop-then-start '],
    'in body should be stop-then-start: at most one task per host is the promise',
  ],
  ['rollback', ['never', 1, true], 'in body should be one of [auto pause]'],
  ['alarms', ['a', { a: 1 }], 'in body must be of type array'],
  ['alarms', [Array.from({ length: 11 }, (_, n) => `a${n}`)], 'in body should have at most 10 items'],
  ['waves', ['a', {}], 'in body must be of type array'],
  ['waves', [Array.from({ length: 11 }, () => ({ canary: 1 }))], 'in body should have at most 10 items'],
  ['maxUnavailble', [1, null], 'in body is not a known field'],
];

type Case = readonly [what: string, over: object, ...lines: string[]];

const CONFIGURATIONS = MEMBERS.flatMap(([member, values, line]) =>
  values.map((value): Case => [
    `${member} ${JSON.stringify(value).slice(0, 30)}`,
    { deploymentConfiguration: { [member]: value } },
    configuration(member, line),
  ]),
);

const inWaves = (...waves: readonly unknown[]): object => ({ deploymentConfiguration: { waves } });

const FAULTS: readonly Case[] = [
  [
    'a configuration that is a text',
    { deploymentConfiguration: 'fast' },
    'deploymentConfiguration in body must be of type object',
  ],
  [
    'alarms that are no names',
    { deploymentConfiguration: { alarms: ['', 5, 'a'.repeat(256)] } },
    configuration('alarms.0', 'in body should be at least 1 chars long'),
    configuration('alarms.1', 'in body must be of type string'),
    configuration('alarms.2', 'in body should be at most 255 chars long'),
  ],
  ['a wave that is a number', inWaves(5), configuration('waves.0', 'in body must be of type object')],
  ['a wave of nothing', inWaves({}), configuration('waves.0', 'in body should have one of [by canary]')],
  [
    'a wave of nulls',
    inWaves({ by: null, canary: null }),
    configuration('waves.0', 'in body should have one of [by canary]'),
  ],
  [
    'a wave of both',
    inWaves({ canary: 1, by: 'zone' }),
    configuration('waves.0', 'in body should have one of [by canary]'),
  ],
  [
    'a canary after a wave by attribute',
    inWaves({ canary: 1 }, { by: 'zone' }, { canary: 2 }, { canary: 3 }),
    configuration('waves.2.canary', 'in body should come before the waves by attribute'),
    configuration('waves.3.canary', 'in body should come before the waves by attribute'),
  ],
  ['a canary of none', inWaves({ canary: 0 }), configuration('waves.0.canary', amount(1, 10_000))],
  [
    'an odd attribute',
    inWaves({ by: 'a b' }),
    configuration('waves.0.by', 'in body should be the name of a host attribute'),
  ],
  [
    'our own attribute',
    inWaves({ by: 'daemons.ready' }),
    configuration('waves.0.by', 'in body should be another attribute: this scheduler sets daemons.ready'),
  ],
  [
    'an odd promotion',
    inWaves({ canary: 1, promote: 'later' }),
    configuration('waves.0.promote', 'in body should be one of [auto manual]'),
  ],
  ['a long bake', inWaves({ canary: 1, bakeMinutes: 1441 }), configuration('waves.0.bakeMinutes', range(0, 1440))],
  [
    'an unknown member of a wave',
    inWaves({ canary: 1, bake: 5 }),
    configuration('waves.0.bake', 'in body is not a known field'),
  ],
  [
    'unknown members that would begin a line',
    { deploymentConfiguration: { 'a\nb': 1, c: 2 } },
    configuration('a b', 'in body is not a known field'),
    configuration('c', 'in body is not a known field'),
  ],
  ['adopt that is a text', { adopt: 'x' }, 'adopt in body must be of type object'],
  ['adopt of nothing', { adopt: {} }, 'adopt in body should have one of [family service startedBy]'],
  [
    'adopt of two',
    { adopt: { family: 'a', service: 'b' } },
    'adopt in body should have one of [family service startedBy]',
  ],
  ['adopt of an unknown', { adopt: { group: 'a', family: 'b' } }, 'adopt.group in body is not a known field'],
  [
    'adopt of an odd family',
    { adopt: { family: 'a:1' } },
    "adopt.family in body should match '^[a-zA-Z0-9_-]{1,255}$'",
  ],
  [
    'adopt of an odd service',
    { adopt: { service: '' } },
    "adopt.service in body should match '^[a-zA-Z0-9_-]{1,255}$'",
  ],
  [
    'adopt of an odd startedBy',
    { adopt: { startedBy: 'a b' } },
    "adopt.startedBy in body should match '^[a-zA-Z0-9_/-]{1,128}$'",
  ],
  ['required that is a text', { required: 'yes' }, 'required in body must be of type boolean'],
  ['drainAfter that is a name', { drainAfter: 'other' }, 'drainAfter in body must be of type array'],
  ['drainAfter of an odd name', { drainAfter: ['a b'] }, "drainAfter.0 in body should match '^[a-zA-Z0-9-_]{1,30}$'"],
  [
    'drainAfter of many',
    { drainAfter: Array.from({ length: 21 }, () => 'other') },
    'drainAfter in body should have at most 20 items',
  ],
  [
    'drainAfter of one that is not there',
    { drainAfter: ['other', 'none'] },
    `drainAfter.1 in body is not an environment of cluster ${ACCOUNT}:cluster/c1: none`,
  ],
  [
    'drainAfter of another cluster',
    { drainAfter: ['elsewhere'] },
    `drainAfter.0 in body is not an environment of cluster ${ACCOUNT}:cluster/c1: elsewhere`,
  ],
  ['drainAfter of itself', { drainAfter: ['web'] }, 'drainAfter.0 in body is the environment itself'],
];

const ALL = [...CONFIGURATIONS, ...FAULTS].map(([what, over, ...lines]) => ({ what, over, lines }));

describe('wrong configuration', () => {
  it.each(ALL)('is refused by POST: $what', async ({ over, lines }) => {
    const h = await neighbours();
    const before = await h.store.inventory();
    expect(await h.post('/v1/environments', environmentBody(over))).toMatchObject({
      status: 400,
      text: `validation failure list:\n${lines.join('\n')}\n`,
    });
    expect(await h.store.inventory()).toEqual(before);
  });

  it.each(ALL)('is refused by PATCH: $what', async ({ over, lines }) => {
    const h = await neighbours();
    const { deploymentToken } = await h.create('web');
    const before = await h.store.inventory();
    expect(await h.patch('web', deploymentToken, over)).toMatchObject({
      status: 400,
      text: `validation failure list:\n${lines.join('\n')}\n`,
    });
    expect(await h.store.inventory()).toEqual(before);
  });

  it('names where a query is wrong', async () => {
    const h = harness();
    for (const [query, line] of [
      ['attribute:zone ==', /^instanceGroup\.query in body is not a cluster query: .+ at character \d+$/],
      ['attribute:daemons.ready == true', /^instanceGroup\.query in body is not a cluster query: .+ at character \d+$/],
      [5, /^instanceGroup\.query in body must be of type string$/],
    ] as const) {
      const answer = await h.post('/v1/environments', environmentBody({ instanceGroup: { cluster: 'c1', query } }));
      expect(answer.status).toBe(400);
      const [head, ...lines] = answer.text.trimEnd().split('\n');
      expect(head).toBe('validation failure list:');
      expect(lines).toEqual([expect.stringMatching(line)]);
    }
    expect(await h.store.names()).toEqual([]);
  });

  it('lists the faults of all fields, in order of field, and only so many unknown ones', async () => {
    const h = harness();
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`x${n}`, 1]));
    const { text } = await h.post('/v1/environments', {
      ...environmentBody({ required: 1, drainAfter: 1, deploymentConfiguration: unknown, adopt: 1 }),
      name: 1,
    });
    const lines = text.trimEnd().split('\n').slice(1);
    expect(lines).toHaveLength(14);
    expect(lines.at(0)).toMatch(/^adopt /);
    expect(lines.slice(1, 11).every((line) => line.startsWith('deploymentConfiguration.x'))).toBe(true);
    expect(lines.slice(11).map((line) => line.split(' ')[0])).toEqual(['drainAfter', 'name', 'required']);
  });
});
