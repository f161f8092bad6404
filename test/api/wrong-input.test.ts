/** Wrong input of each field gives the contract's error, and changes nothing. */
import { describe, expect, it } from 'vitest';
import { environmentBody, harness } from './harness.ts';

const NAME_RULE = "name in body should match '^[a-zA-Z0-9-_]{1,30}$'";
const TOKEN_RULE = "should match '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'";
const vpc = (awsvpcConfiguration: unknown) => ({ networkConfiguration: { awsvpcConfiguration } });

/** Fields over a good body, and the lines they must give. */
const BODIES: readonly (readonly [what: string, over: object, ...lines: string[]])[] = [
  ['name missing', { name: undefined }, 'name in body is required'],
  ['name null', { name: null }, 'name in body is required'],
  ['name empty', { name: '' }, NAME_RULE],
  ['name a number', { name: 5 }, NAME_RULE],
  ['name an object', { name: {} }, NAME_RULE],
  ['name too long', { name: 'a'.repeat(31) }, NAME_RULE],
  ['name not ASCII', { name: 'wäb' }, NAME_RULE],
  ['name with a newline behind', { name: 'web\n' }, NAME_RULE],
  ['instanceGroup missing', { instanceGroup: undefined }, 'instanceGroup in body is required'],
  ['instanceGroup null', { instanceGroup: null }, 'instanceGroup in body is required'],
  ['instanceGroup a string', { instanceGroup: 'c1' }, 'instanceGroup in body must be of type object'],
  ['instanceGroup a list', { instanceGroup: [] }, 'instanceGroup in body must be of type object'],
  ['cluster missing', { instanceGroup: {} }, 'instanceGroup.cluster in body is required'],
  ['cluster empty', { instanceGroup: { cluster: '' } }, 'instanceGroup.cluster in body is required'],
  ['cluster null', { instanceGroup: { cluster: null } }, 'instanceGroup.cluster in body is required'],
  ['cluster a number', { instanceGroup: { cluster: 1 } }, 'instanceGroup.cluster in body must be of type string'],
  ...[
    'a/b',
    'a b',
    'a'.repeat(256),
    'arn:aws:ecs:us-east-1:1:cluster/c1',
    'arn:aws:ec2:us-east-1:123456789012:vpc/v',
  ].map(
    (cluster) =>
      [
        `cluster ${cluster.slice(0, 40)}`,
        { instanceGroup: { cluster } },
        'instanceGroup.cluster in body should be a cluster name or ARN',
      ] as const,
  ),
  ['taskDefinition missing', { taskDefinition: undefined }, 'taskDefinition in body is required'],
  ['taskDefinition null', { taskDefinition: null }, 'taskDefinition in body is required'],
  ['taskDefinition a number', { taskDefinition: 5 }, 'taskDefinition in body must be of type string'],
  [
    'taskDefinition too long',
    { taskDefinition: 'a'.repeat(513) },
    'taskDefinition in body should be at most 512 chars long',
  ],
  [
    'networkConfiguration a string',
    { networkConfiguration: 'x' },
    'networkConfiguration in body must be of type object',
  ],
  [
    'networkConfiguration empty',
    { networkConfiguration: {} },
    'networkConfiguration.awsvpcConfiguration in body is required',
  ],
  ['no subnets', vpc({}), 'networkConfiguration.awsvpcConfiguration.subnets in body is required'],
  [
    'zero subnets',
    vpc({ subnets: [] }),
    'networkConfiguration.awsvpcConfiguration.subnets in body should have at least 1 items',
  ],
  [
    'subnets a string',
    vpc({ subnets: 's' }),
    'networkConfiguration.awsvpcConfiguration.subnets in body must be of type array',
  ],
  [
    'a subnet a number',
    vpc({ subnets: ['s', 1] }),
    'networkConfiguration.awsvpcConfiguration.subnets.1 in body must be of type string',
  ],
  [
    'too many subnets',
    vpc({ subnets: Array.from({ length: 100_000 }, () => 1) }),
    'networkConfiguration.awsvpcConfiguration.subnets in body should have at most 16 items',
  ],
  [
    'securityGroups a string',
    vpc({ subnets: ['s'], securityGroups: 'sg' }),
    'networkConfiguration.awsvpcConfiguration.securityGroups in body must be of type array',
  ],
  [
    'assignPublicIp neither',
    vpc({ subnets: ['s'], assignPublicIp: true }),
    'networkConfiguration.awsvpcConfiguration.assignPublicIp in body should be one of [ENABLED DISABLED]',
  ],
  [
    'awsvpc definition without networkConfiguration',
    { taskDefinition: 'vpc' },
    'networkConfiguration in body is required: the network mode of arn:aws:ecs:us-east-1:123456789012:task-definition/vpc:1 is awsvpc',
  ],
  [
    'networkConfiguration for another network mode',
    vpc({ subnets: ['s'] }),
    'networkConfiguration in body must be left out: the network mode of ' +
      'arn:aws:ecs:us-east-1:123456789012:task-definition/daemon:1 is the default, and only awsvpc takes one',
  ],
  ...(
    [
      ['qury', { instanceGroup: { cluster: 'c1', qury: 'attribute:role == edge' } }, 'instanceGroup.qury'],
      ['deploymentConfig', { deploymentConfig: {} }, 'deploymentConfig'],
      ['requird', { requird: true }, 'requird'],
      ['drainafter', { drainafter: ['other'] }, 'drainafter'],
      ['adopt.familie', { adopt: { family: 'x', familie: 'y' } }, 'adopt.familie'],
      [
        'a typo among waves',
        { deploymentConfiguration: { waves: [{ canary: 1, bake: 1 }] } },
        'deploymentConfiguration.waves.0.bake',
      ],
      [
        'networkConfiguration.awsVpc',
        { networkConfiguration: { ...vpc({ subnets: ['s'] }).networkConfiguration, awsVpc: 1 } },
        'networkConfiguration.awsVpc',
      ],
      [
        'securitygroups',
        vpc({ subnets: ['s'], securitygroups: ['sg'] }),
        'networkConfiguration.awsvpcConfiguration.securitygroups',
      ],
    ] as const
  ).map(([what, over, field]) => [`unknown: ${what}`, over, `${field} in body is not a known field`] as const),
  [
    'several faults, in order of field',
    { taskDefinition: 1, networkConfiguration: 2, name: 3, instanceGroup: 4 },
    'instanceGroup in body must be of type object',
    NAME_RULE,
    'networkConfiguration in body must be of type object',
    'taskDefinition in body must be of type string',
  ],
];

describe('the body of an environment', () => {
  it.each(BODIES.map(([what, over, ...lines]) => ({ what, over, lines })))('$what', async ({ over, lines }) => {
    const h = harness();
    await h.create('other');
    const before = await h.store.inventory();
    const sentBefore = h.mailbox.sent.length;
    const answer = await h.post('/v1/environments', environmentBody(over));
    expect(answer).toMatchObject({ status: 400, text: `validation failure list:\n${lines.join('\n')}\n` });
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await h.store.inventory()).toEqual(before);
    expect(h.mailbox.sent).toHaveLength(sentBefore);
  });

  it.each(['[]', 'null', '5', '"x"', '{"name":"web",', '\u0000', '['.repeat(500_000)])(
    '%.20s counts as {}',
    async (body) => {
      const h = harness();
      const { status, text } = await h.call('/v1/environments', { method: 'POST', body });
      expect(status).toBe(400);
      expect(text).toBe(
        'validation failure list:\ninstanceGroup in body is required\nname in body is required\ntaskDefinition in body is required\n',
      );
    },
  );
});

describe('the body of an order', () => {
  const ORDERS = [
    'deployments',
    ...['pause', 'resume', 'promote', 'cancel', 'rollback'].map((order) => `deployments/ID/${order}`),
    'freeze',
    'thaw',
    'rollback',
    ...['retry', 'exclude', 'include'].map((order) => `hosts/aa/${order}`),
  ];
  it.each(ORDERS)('of %s has no member that is not known', async (order) => {
    const h = harness();
    const { deploymentToken } = await h.create('web');
    const { id } = JSON.parse((await h.deploy('web', deploymentToken)).text) as { id: string };
    const before = await h.store.inventory();
    const path = order === 'deployments' ? `${order}?deploymentToken=${deploymentToken}` : order.replace('ID', id);
    expect(await h.order(`web/${path}`, { restart: true })).toMatchObject({
      status: 400,
      text: 'validation failure list:\nrestart in body is not a known field\n',
    });
    const list = await h.call(`/v1/environments/web/${path}`, { method: 'POST', body: '[]' });
    expect(list).toMatchObject({ status: 400, text: expect.stringContaining('body must be a JSON object') });
    expect(await h.store.inventory()).toEqual(before);
  });
});

describe('parameters', () => {
  const UUID = '11111111-2222-4333-8444-555555555555';
  const unknownParameter = (name: string, known: string): string =>
    `${name} in query is not a known parameter; known are: ${known}`;
  it.each([
    ['POST', '/v1/environments/other/deployments', 400, 'deploymentToken in query is required'],
    ['POST', '/v1/environments/other/deployments?deploymentToken=', 400, 'deploymentToken in query is required'],
    ['POST', '/v1/environments/other/deployments?deploymentToken=x', 400, `deploymentToken in query ${TOKEN_RULE}`],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}%0A`,
      400,
      `deploymentToken in query ${TOKEN_RULE}`,
    ],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}&deploymentToken=${UUID}`,
      400,
      'deploymentToken in query is specified multiple times',
    ],
    ['POST', `/v1/environments/a%20b/deployments?deploymentToken=${UUID}`, 404, 'Environment a b does not exist'],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}&restart=yes`,
      400,
      'restart in query should be one of [false true]',
    ],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}&supersede=`,
      400,
      'supersede in query should be one of [false true]',
    ],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}&supersede=true&supersede=true`,
      400,
      'supersede in query is specified multiple times',
    ],
    ['POST', '/v1/environments/other/deployments/not-a-uuid/pause', 404, '404 page not found'],
    ['POST', '/v1/environments/other/deployments/not-a-uuid/rollback', 404, '404 page not found'],
    ['POST', `/v1/environments/other/deployments/${UUID}/halt`, 404, '404 page not found'],
    ['POST', `/v1/environments/none/deployments/${UUID}/pause`, 404, 'Environment none does not exist'],
    [
      'POST',
      `/v1/environments/other/deployments/${UUID}/pause`,
      404,
      `Deployment ${UUID} does not exist for environment other`,
    ],
    ['POST', '/v1/environments/none/freeze', 404, 'Environment none does not exist'],
    ['POST', '/v1/environments/a%2Fb/freeze', 404, '404 page not found'],
    ['POST', '/v1/environments/other/hosts/a_b/retry', 404, '404 page not found'],
    ['POST', '/v1/environments/other/hosts/arn%3A%0A/retry', 404, '404 page not found'],
    [
      'POST',
      '/v1/environments/other/hosts/arn%3Aaws%3Aecs/retry',
      400,
      'Host arn:aws:ecs is not of cluster arn:aws:ecs:us-east-1:123456789012:cluster/c1',
    ],
    ['GET', '/v1/environments/none/revisions', 404, 'Environment none does not exist'],
    ['DELETE', '/v1/environments/other?tasks=maybe', 400, 'tasks in query should be one of [keep stop]'],
    ['DELETE', '/v1/environments/other?tasks=', 400, 'tasks in query should be one of [keep stop]'],
    ['DELETE', '/v1/environments/other?tasks=keep&tasks=stop', 400, 'tasks in query is specified multiple times'],
    ['DELETE', '/v1/environments/a%2Fb', 404, '404 page not found'],
    ['GET', '/v1/environments?cluster=', 400, 'Invalid cluster ARN or name'],
    ['GET', '/v1/environments?nextToken=', 400, 'nextToken in query is not one that a list of environments gave out'],
    [
      'GET',
      '/v1/environments?nextToken=%00',
      400,
      'nextToken in query is not one that a list of environments gave out',
    ],
    // "web" with bits set that the encoding does not use.
    [
      'GET',
      '/v1/environments?nextToken=d2ViMR',
      400,
      'nextToken in query is not one that a list of environments gave out',
    ],
    ['GET', '/v1/environments/other/deployments/not-a-uuid', 404, '404 page not found'],
    ['DELETE', '/v1/environments/other?task=keep', 400, 'task in query is not a known parameter; known are: tasks'],
    ['DELETE', '/v1/environments/other?tasks=keep&Tasks=keep', 400, unknownParameter('Tasks', 'tasks')],
    ['DELETE', '/v1/environments/none?task=keep', 400, unknownParameter('task', 'tasks')],
    ['DELETE', '/v1/environments/other?%0Atasks=keep', 400, unknownParameter(' tasks', 'tasks')],
    [
      'POST',
      `/v1/environments/other/deployments?deploymentToken=${UUID}&restrat=true`,
      400,
      unknownParameter('restrat', 'deploymentToken, restart, supersede'),
    ],
    ['POST', '/v1/environments/other/rollback?to=x', 400, unknownParameter('to', 'none')],
    ['GET', '/v1/environments/other/hosts?limit=1', 400, unknownParameter('limit', 'nextToken')],
    ['GET', '/v1/environments/other/deployments?state=x', 400, unknownParameter('state', 'deploymentToken, nextToken')],
    ['GET', '/v1/environments?state=x', 400, 'At least one of the filters provided is not supported'],
  ])('%s %s', async (method, path, status, line) => {
    const h = harness();
    await h.create('other');
    const before = await h.store.inventory();
    expect(await h.call(path, { method })).toMatchObject({ status, text: `${line}\n` });
    expect(await h.store.inventory()).toEqual(before);
  });

  it('that a route does not know are refused by every route, but for probes and what v0.3.0 answered whatever its query', async () => {
    const h = harness();
    await h.create('other');
    const before = await h.store.inventory();
    const { text } = await h.call('/v1/openapi.json');
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { responses: object }>> };
    const taken: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      const given = path.replace('{name}', 'other').replace('{id}', UUID);
      for (const [method, { responses }] of Object.entries(methods)) {
        const answer = await h.call(`${given}?x=1`, { method: method.toUpperCase() });
        if (answer.status === 200) {
          taken.push(`${method} ${path}`);
          continue;
        }
        expect(answer, path).toMatchObject({ status: 400, text: expect.stringMatching(/not (a known|supported)/) });
        expect(responses, path).toHaveProperty('400');
      }
    }
    expect(taken).toEqual(['get /v1/ping', 'get /healthz', 'get /readyz', 'get /v1/environments/{name}']);
    expect(await h.store.inventory()).toEqual(before);
  });
});
