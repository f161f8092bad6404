/**
 * The patterns of `=~`. ECS reads Java's regular expressions and wants the whole value to match. Taken is what Java and
 * JavaScript read alike: plain characters, `.`, classes, `\d \w \s` and their opposites, escaped signs, groups,
 * `|`, and `? * + {n} {n,} {n,m}`, greedy or not.
 *
 * JavaScript tries the ways to match one after the other. So how many there can be is reckoned beforehand, and a pattern
 * with too many is refused.
 */
import { QueryProblem } from './tokens.ts';

/** ECS API reference, Attribute: the longest value. No other subject's is longer. */
export const VALUE_CHARACTERS_MOST = 128;
/** Three times `.*`: some milliseconds for the longest value, microseconds for a usual one. */
const WAYS_MOST = (VALUE_CHARACTERS_MOST + 1) ** 3;

const PART =
  /(?<open>\((?:\?:)?(?!\?))|(?<close>\))|(?<or>\|)|(?<repeat>(?:[*+?]|\{(?<least>\d+)(?<range>,(?<most>\d*))?\})\??)|(?<one>\[\^?(?:\\[dDwWsS]|\\[^a-zA-Z0-9]|[^\\[\]&]|&(?!&))+\]|\\[dDwWsS]|\\[^a-zA-Z0-9]|[^\\[\](){}*+?|])/y;

/** The ways to match within a group, so far. */
interface Ways {
  /** Of the alternatives before this one, together. */
  readonly others: number;
  /** Of this alternative, but for its last part. */
  readonly before: number;
  /** Of the last part: what a repetition repeats. */
  readonly last: number;
}

const NONE: Ways = { others: 0, before: 1, last: 1 };
const sum = ({ others, before, last }: Ways): number => others + before * last;

/** `position`: of the text's first character in the query. Throws QueryProblem. */
export function patternOf(text: string, position: number): RegExp {
  if (waysOf(text, position) > WAYS_MOST) {
    throw new QueryProblem(position, 'the pattern repeats too much: there are too many ways to match it');
  }
  try {
    return new RegExp(`^(?:${text})$`);
  } catch {
    throw new QueryProblem(position, 'the pattern cannot be read');
  }
}

function waysOf(text: string, position: number): number {
  const outer: Ways[] = [];
  let here = NONE;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const at = PART.lastIndex;
    const groups = PART.exec(text)?.groups;
    if (groups === undefined) throw new QueryProblem(position + at, 'the pattern cannot be read from here');
    if (groups['open'] !== undefined) {
      outer.push({ ...here, before: here.before * here.last, last: 1 });
      here = NONE;
    } else if (groups['close'] !== undefined) {
      const around = outer.pop();
      if (around === undefined) throw new QueryProblem(position + at, 'no parenthesis was opened before');
      here = { ...around, last: sum(here) };
    } else if (groups['or'] !== undefined) here = { ...NONE, others: sum(here) };
    else if (groups['repeat'] !== undefined) here = { ...here, last: repeated(here.last, rangeOf(groups)) };
    else here = { ...here, before: here.before * here.last, last: 1 };
  }
  if (outer.length > 0) throw new QueryProblem(position + text.length, 'a parenthesis is not closed');
  return sum(here);
}

interface Range {
  readonly least: number;
  readonly most: number;
}

function rangeOf(groups: Readonly<Record<string, string | undefined>>): Range {
  const { repeat = '', least, range, most } = groups;
  if (least === undefined)
    return { least: repeat.startsWith('+') ? 1 : 0, most: repeat.startsWith('?') ? 1 : VALUE_CHARACTERS_MOST };
  if (range === undefined) return { least: Number(least), most: Number(least) };
  return { least: Number(least), most: most === undefined || most === '' ? VALUE_CHARACTERS_MOST : Number(most) };
}

/** The ways of each number of times, together; more than a value has characters makes none more. */
function repeated(once: number, { least, most }: Range): number {
  let ways = 0;
  for (let times = Math.min(least, VALUE_CHARACTERS_MOST); times <= Math.min(most, VALUE_CHARACTERS_MOST); times += 1)
    ways += once ** times;
  return ways;
}
