/** What is a query, and where it goes wrong when it is none. */
import { describe, expect, test } from 'vitest';
import { READY_ATTRIBUTE } from '../../src/domain/facts.ts';
import { parseQuery, QUERY_CHARACTERS_MOST } from '../../src/query/parse.ts';

const wrong = (text: string): readonly [number, string] | null => {
  const parsed = parseQuery(text);
  return parsed.ok ? null : [parsed.position, parsed.problem];
};

test.each([
  ['attribute:ecs.instance-type == t2.small'],
  ['attribute:ecs.availability-zone in [us-east-1a, us-east-1b]'],
  ['attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d'],
  ['agentVersion < 1.14.5'],
  ['registeredAt < 2018-02-13'],
  ['registeredAt >= 2018-06-18T22:28:28+00:00'],
  ["ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']"],
  ['not(attribute:stack == prod) && !(agentConnected equals false) || attribute:x not_exists'],
  ['attribute:x == and and attribute:y == or'],
  ['attribute:x not_in [a] and attribute:y !in ["b c"] and attribute:z not_matches a+'],
])('the developer guide has it: %s', (text) => {
  expect(wrong(text)).toBeNull();
});

describe('a fault is told with its place, counted from 1', () => {
  test.each<[string, number, RegExp]>([
    ['', 1, /subject is missing/],
    ['   ', 1, /subject is missing/],
    ['attribute:x exists and', 23, /subject is missing/],
    ['containerInstanceArn == a', 1, /a subject should be attribute:<name>/],
    ["'ec2InstanceId' == a", 1, /a subject should be/],
    ['attribute:x exists or task:group == web', 23, /task:group changes with every task/],
    ['runningTasksCount == 1', 1, /runningTasksCount changes with every task/],
    ['attribute: == a', 11, /for a name/],
    [`attribute:${'n'.repeat(129)} exists`, 11, /for a name/],
    [`not attribute:${READY_ATTRIBUTE} == true`, 15, /is set by this scheduler/],
    ['ec2InstanceId', 14, /takes one of == in =~/],
    ['ec2InstanceId is a', 15, /takes one of == in =~/],
    ['ec2InstanceId exists', 15, /takes one of == in =~/],
    ['agentVersion =~ 1.*', 14, /takes one of == > >= < <=/],
    ['ec2InstanceId ==', 17, /a value is missing/],
    ['ec2InstanceId == a b', 20, /expected and, or, or the end/],
    ['ec2InstanceId == a end', 20, /expected and, or, or the end/],
    ['ec2InstanceId in a', 18, /expected \[/],
    ['ec2InstanceId in []', 19, /a value is missing/],
    ['ec2InstanceId in [a b]', 21, /expected , or \]/],
    ['agentConnected == yes', 19, /true or false/],
    ['agentConnected in [true, maybe]', 26, /true or false/],
    ['agentVersion >= latest', 17, /latest is no version/],
    ['registeredAt < yesterday', 16, /yesterday is no moment/],
    ['registeredAt < 2018-02-30', 16, /is no moment/],
    ['registeredAt < 2018-02-01T25:00:00', 16, /is no moment/],
    ['(attribute:x exists', 20, /expected and, or, or \)/],
    ['attribute:x exists)', 19, /expected and, or, or the end/],
    ["attribute:x == 'a", 16, /quotation does not end/],
    ['attribute:x == a & attribute:y == b', 18, /& is no operator/],
    [`attribute:x == ${'a'.repeat(QUERY_CHARACTERS_MOST)}`, 2_001, /at most 2000 characters/],
    [`${'!'.repeat(51)}attribute:x exists`, 51, /nested at most 50 times/],
    [`${'('.repeat(900)}attribute:x exists`, 51, /nested at most 50 times/],
  ])('%s', (text, position, problem) => {
    expect(wrong(text)).toEqual([position, expect.stringMatching(problem)]);
  });
});

describe('patterns', () => {
  test.each([
    ['i-.*'],
    ['(prod|test)-[a-z]+-.*'],
    ['m5\\.(large|x?large|\\d{1,2}xlarge)'],
    ['(\\d{1,3}\\.){3}\\d{1,3}'],
    ['.*a.*b.*'],
    ['a(-[a-z]+)?'],
    ['[^a-c\\-_.]+?'],
    ['us\\-east\\-1[abc]'],
  ])('%s is taken', (pattern) => {
    expect(wrong(`attribute:x =~ '${pattern}'`)).toBeNull();
  });

  // Each of these Java and JavaScript read differently, or only one of them reads.
  test.each<[string, number]>([
    ['[a-z&&[^b]]', 0],
    ['[a[b]]', 0],
    ['ab(?i)c', 2],
    ['(?=a)a', 0],
    ['(?<name>a)', 0],
    ['(a)\\1', 3],
    ['\\p{Alpha}', 0],
    ['\\Qa\\E', 0],
    ['a{', 1],
    ['a]', 1],
    ['a)', 1],
    ['(a', 2],
    ['a++', 0],
    ['[z-a]', 0],
    ['*a', 0],
  ])('%s is refused', (pattern, offset) => {
    expect(wrong(`attribute:x =~ '${pattern}'`)?.[0]).toBe("attribute:x =~ '".length + 1 + offset);
  });

  test.each([['(a+)+'], ['(a*)*b'], ['(a|aa)+'], ['(.*a){12}'], ['.*.*.*.*x'], ['(a?){30}'], ['a?'.repeat(30)]])(
    '%s could take for ever, and is refused',
    (pattern) => {
      expect(wrong(`attribute:x =~ '${pattern}'`)).toEqual([17, expect.stringContaining('repeats too much')]);
    },
  );
});
