/** The direction of imports, as a table. What a room may import besides itself stands behind it; nothing else is allowed. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The ports: what actors and the API see of the store, of ECS, of alarms and of the queue. */
const PORTS = [
  'src/store/store.ts',
  'src/store/cluster-store.ts',
  'src/store/facts-store.ts',
  'src/ecs/gateway.ts',
  'src/alarms/alarms.ts',
];

/** CONTRIBUTING.md: files of 50 to 300 lines. */
const LINES_MOST = 300;

interface Rule {
  readonly room: string;
  readonly may: readonly string[];
  readonly packages: readonly string[];
}

const RULES: readonly Rule[] = [
  { room: 'src/domain/', may: [], packages: [] },
  { room: 'src/concurrency/', may: [], packages: ['node:'] },
  { room: 'src/query/', may: ['src/domain/'], packages: [] },
  { room: 'src/planner/', may: ['src/domain/', 'src/query/'], packages: [] },
  { room: 'src/store/', may: ['src/domain/', 'src/concurrency/'], packages: ['etcd3', 'ioredis', 'zod', 'node:'] },
  {
    room: 'src/ecs/',
    may: ['src/domain/', 'src/concurrency/'],
    packages: ['@aws-sdk/', '@smithy/', 'ioredis', 'p-map', 'node:'],
  },
  { room: 'src/alarms/', may: ['src/domain/', 'src/concurrency/'], packages: ['@aws-sdk/client-cloudwatch'] },
  { room: 'src/actors/', may: ['src/domain/', 'src/planner/', ...PORTS], packages: ['p-limit', 'p-map'] },
  {
    room: 'src/insight/',
    may: ['src/domain/', 'src/concurrency/', 'src/planner/', ...PORTS],
    packages: ['node:'],
  },
  { room: 'src/css/', may: ['src/domain/', 'src/ecs/gateway.ts'], packages: ['zod'] },
  {
    room: 'src/intake/',
    may: ['src/domain/', 'src/actors/mailbox.ts', 'src/store/facts-store.ts'],
    packages: ['zod'],
  },
  {
    room: 'src/workers/',
    may: ['src/domain/', 'src/concurrency/', 'src/intake/', 'src/actors/', 'src/telemetry/', ...PORTS],
    packages: ['bullmq', '@aws-sdk/client-sqs', 'pino', 'node:'],
  },
  {
    room: 'src/api/',
    may: [
      'src/domain/',
      'src/query/',
      'src/concurrency/',
      'src/actors/mailbox.ts',
      'src/intake/',
      'src/insight/insight.ts',
      ...PORTS,
    ],
    packages: ['hono', '@hono/', 'zod', 'pino', 'node:'],
  },
  { room: 'src/telemetry/', may: ['src/domain/'], packages: ['pino', 'prom-client', 'node:'] },
  { room: 'src/settings.ts', may: ['src/domain/'], packages: ['zod'] },
  { room: 'src/config.ts', may: ['src/domain/', 'src/settings.ts'], packages: ['node:'] },
  { room: 'src/parts.ts', may: ['src/'], packages: ['ioredis', 'pino', 'node:'] },
  { room: 'src/scheduler.ts', may: ['src/'], packages: ['pino', 'node:'] },
  {
    room: 'src/main.ts',
    may: ['src/config.ts', 'src/parts.ts', 'src/scheduler.ts', 'src/telemetry/'],
    packages: ['node:'],
  },
  { room: 'sim/model/', may: [], packages: ['zod', 'node:'] },
  { room: 'sim/', may: ['sim/model/'], packages: ['hono', '@hono/', 'pino', 'zod', 'node:'] },
  { room: 'simulation/', may: ['src/', 'sim/model/'], packages: ['@aws-sdk/client-ecs', 'node:'] },
  { room: 'bin/', may: ['src/main.ts', 'sim/simulator.ts'], packages: [] },
];

interface Import {
  readonly from: string;
  /** A path from the root, or a package. */
  readonly to: string;
}

const sources = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));

function importsOf(file: string, text: string): readonly Import[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'|(?:^|\n)import\s+'([^']+)'/g,
  );
  return [...found].map((match) => {
    const to = match[1] ?? match[2] ?? match[3] ?? '';
    return { from: file, to: to.startsWith('.') ? join(dirname(file), to).split(sep).join('/') : to };
  });
}

/** The longest room that holds the file. */
const ruleOf = (file: string): Rule | undefined =>
  RULES.filter((rule) => file.startsWith(rule.room)).toSorted((a, b) => b.room.length - a.room.length)[0];

function isAllowed({ from, to }: Import): boolean {
  const rule = ruleOf(from);
  if (rule === undefined) return false;
  const local = /^(src|sim|bin|test|scripts|bench|chaos|simulation)\//.test(to);
  if (!local)
    return rule.packages.some(
      (name) => to === name || to.startsWith(name.endsWith('/') || name.endsWith(':') ? name : `${name}/`),
    );
  const target = ruleOf(to);
  return target === rule || rule.may.some((room) => to.startsWith(room));
}

describe('architecture', () => {
  const files = ['src', 'sim', 'simulation', 'bin'].flatMap(sources);
  const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')));

  test('it looked at the whole house', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
    for (const { room } of RULES)
      expect(
        files.some((file) => ruleOf(file)?.room === room),
        `${room} is empty`,
      ).toBe(true);
  });

  test('every file has a room', () => {
    expect(files.filter((file) => ruleOf(file) === undefined)).toEqual([]);
  });

  test('imports point one way', () => {
    expect(imports.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('the rules catch what they are for', () => {
    const wrong = importsOf(
      'src/planner/x.ts',
      "import { a } from '../actors/turn.ts';\nimport {\n  b,\n} from 'bullmq';\nexport type { c } from '../domain/ids.ts';\nawait import('../store/store.ts');\n",
    );
    expect(wrong.map((one) => [one.to, isAllowed(one)])).toEqual([
      ['src/actors/turn.ts', false],
      ['bullmq', false],
      ['src/domain/ids.ts', true],
      ['src/store/store.ts', false],
    ]);
    expect(isAllowed({ from: 'sim/x.ts', to: 'src/domain/ids.ts' })).toBe(false);
    expect(isAllowed({ from: 'src/api/x.ts', to: 'src/store/etcd-store.ts' })).toBe(false);
  });

  test('no file is longer than one can keep in mind', () => {
    const lines = (file: string): number => readFileSync(join(root, file), 'utf8').split('\n').length - 1;
    expect(files.map((file) => [file, lines(file)] as const).filter(([, count]) => count > LINES_MOST)).toEqual([]);
  });

  test('only tool settings have default exports, and no file only passes others on', () => {
    const texts = files.map((file) => [file, readFileSync(join(root, file), 'utf8')] as const);
    expect(texts.filter(([, text]) => /^export default/m.test(text)).map(([file]) => file)).toEqual([]);
    expect(texts.filter(([, text]) => /^export \*/m.test(text)).map(([file]) => file)).toEqual([]);
  });
});
