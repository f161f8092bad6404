import { READY_ATTRIBUTE } from '../domain/facts.ts';
import { momentOf } from './moment.ts';
import { patternOf } from './pattern.ts';
import { versionOf, type Comparison, type ParsedQuery, type Query, type Subject } from './query.ts';
import { QueryProblem, tokensOf, type Token, type Tokens } from './tokens.ts';

/** ECS API reference, PlacementConstraint.expression. */
export const QUERY_CHARACTERS_MOST = 2_000;
/** Parentheses and negations within each other. Nobody reads more, and each takes of the stack. */
const NESTED_MOST = 50;

/** ECS API reference, Attribute. */
const ATTRIBUTE_NAME = /^[a-zA-Z0-9_./\\-]{1,128}$/;
const ATTRIBUTE = 'attribute:';

type Operator = Comparison | 'in' | '=~' | 'exists';

/** What the developer guide says that each subject takes, and its negation. */
const OPERATORS_OF: Readonly<Record<Subject['kind'], readonly Operator[]>> = {
  attribute: ['==', '>', '>=', '<', '<=', 'in', '=~', 'exists'],
  ec2InstanceId: ['==', 'in', '=~'],
  agentVersion: ['==', '>', '>=', '<', '<='],
  agentConnected: ['==', 'in', '=~'],
  registeredAt: ['==', '>', '>=', '<', '<='],
};
const NEGATION_OF: ReadonlyMap<string, Operator> = new Map([
  ['!=', '=='],
  ['!in', 'in'],
  ['!~', '=~'],
  ['!exists', 'exists'],
]);
const PLAIN_SUBJECTS = ['ec2InstanceId', 'agentVersion', 'agentConnected', 'registeredAt'] as const;
/** They change with every task, ours too: a host would come and go by itself. */
const RESTLESS_SUBJECTS: readonly string[] = ['runningTasksCount', 'task:group'];

/** The language has a word for each sign. */
const SIGNS: ReadonlyMap<string, string> = new Map([
  ['equals', '=='],
  ['not_equals', '!='],
  ['greater_than', '>'],
  ['greater_than_equal', '>='],
  ['less_than', '<'],
  ['less_than_equal', '<='],
  ['not_exists', '!exists'],
  ['not_in', '!in'],
  ['matches', '=~'],
  ['not_matches', '!~'],
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
]);

/** null: it is a value. The end has an empty one. */
const signOf = ({ kind, text }: Token): string | null => (kind === 'quoted' ? null : (SIGNS.get(text) ?? text));
const END = '';

export function parseQuery(text: string): ParsedQuery {
  try {
    if (text.length > QUERY_CHARACTERS_MOST) {
      throw new QueryProblem(QUERY_CHARACTERS_MOST + 1, `a query has at most ${QUERY_CHARACTERS_MOST} characters`);
    }
    return { ok: true, query: new Parser(tokensOf(text)).parse() };
  } catch (error) {
    if (error instanceof QueryProblem) return { ok: false, position: error.position, problem: error.message };
    throw error;
  }
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly end: Token;
  private next = 0;
  private nested = 0;

  constructor({ tokens, end }: Tokens) {
    this.tokens = tokens;
    this.end = end;
  }

  parse(): Query {
    const query = this.or();
    this.expect(END, 'and, or, or the end');
    return query;
  }

  private or(): Query {
    let left = this.and();
    while (this.accept('or')) left = { kind: 'or', left, right: this.and() };
    return left;
  }

  private and(): Query {
    let left = this.not();
    while (this.accept('and')) left = { kind: 'and', left, right: this.not() };
    return left;
  }

  private not(): Query {
    const { position } = this.peek();
    this.nested += 1;
    if (this.nested > NESTED_MOST) throw new QueryProblem(position, `a query is nested at most ${NESTED_MOST} times`);
    const query = this.negatedOrSingle();
    this.nested -= 1;
    return query;
  }

  private negatedOrSingle(): Query {
    if (this.accept('not')) return { kind: 'not', of: this.not() };
    if (!this.accept('(')) return this.condition();
    const inner = this.or();
    this.expect(')', 'and, or, or )');
    return inner;
  }

  private condition(): Query {
    const subject = subjectOf(this.take());
    const token = this.take();
    const sign = signOf(token) ?? '';
    const negated = NEGATION_OF.get(sign);
    const operator = OPERATORS_OF[subject.kind].find((one) => one === (negated ?? sign));
    if (operator === undefined) {
      const known = OPERATORS_OF[subject.kind].join(' ');
      throw new QueryProblem(token.position, `${subject.kind} takes one of ${known}, or a negation of it`);
    }
    const query = this.positive(subject, operator);
    return negated === undefined ? query : { kind: 'not', of: query };
  }

  private positive(subject: Subject, operator: Operator): Query {
    switch (operator) {
      case 'exists':
        return { kind: 'exists', subject };
      case 'in':
        return { kind: 'in', subject, values: this.list(subject) };
      case '=~': {
        const { kind, text, position } = this.value();
        return { kind: 'match', subject, pattern: patternOf(text, kind === 'quoted' ? position + 1 : position) };
      }
      case '==':
      case '>':
      case '>=':
      case '<':
      case '<=':
        return this.comparison(subject, operator);
    }
  }

  private comparison(subject: Subject, operator: Comparison): Query {
    if (subject.kind === 'agentVersion') {
      const { text, position } = this.value();
      const value = versionOf(text);
      if (value === null) throw new QueryProblem(position, `${text} is no version, as 1.90.0 is`);
      return { kind: 'version', operator, value };
    }
    if (subject.kind === 'registeredAt') {
      const { text, position } = this.value();
      const value = momentOf(text);
      if (value === null) throw new QueryProblem(position, `${text} is no moment, as 2018-06-18T22:28:28Z is`);
      return { kind: 'registered', operator, value };
    }
    return { kind: 'compare', subject, operator, value: this.valueOf(subject) };
  }

  private list(subject: Subject): ReadonlySet<string> {
    this.expect('[', '[');
    const values = new Set([this.valueOf(subject)]);
    while (this.accept(',')) values.add(this.valueOf(subject));
    this.expect(']', ', or ]');
    return values;
  }

  private valueOf(subject: Subject): string {
    const { text, position } = this.value();
    if (subject.kind === 'agentConnected' && text !== 'true' && text !== 'false') {
      throw new QueryProblem(position, 'agentConnected is true or false');
    }
    return text;
  }

  private value(): Token {
    const token = this.take();
    if (token.kind === 'sign' || token.kind === 'end') throw new QueryProblem(token.position, 'a value is missing');
    return token;
  }

  private peek(): Token {
    return this.tokens[this.next] ?? this.end;
  }

  private take(): Token {
    const token = this.peek();
    this.next += 1;
    return token;
  }

  private accept(sign: string): boolean {
    if (signOf(this.peek()) !== sign) return false;
    this.next += 1;
    return true;
  }

  private expect(sign: string, wanted: string): void {
    if (!this.accept(sign)) throw new QueryProblem(this.peek().position, `expected ${wanted}`);
  }
}

function subjectOf({ kind, text, position }: Token): Subject {
  if (kind === 'end') throw new QueryProblem(position, 'a subject is missing');
  if (RESTLESS_SUBJECTS.includes(text)) {
    throw new QueryProblem(
      position,
      `${text} changes with every task, ours too: hosts would come and go by themselves`,
    );
  }
  const plain = PLAIN_SUBJECTS.find((subject) => subject === text);
  if (kind === 'word' && plain !== undefined) return { kind: plain };
  if (kind !== 'word' || !text.startsWith(ATTRIBUTE)) {
    throw new QueryProblem(position, `a subject should be ${ATTRIBUTE}<name>, ${PLAIN_SUBJECTS.join(', ')}`);
  }
  const name = text.slice(ATTRIBUTE.length);
  const at = position + ATTRIBUTE.length;
  if (!ATTRIBUTE_NAME.test(name))
    throw new QueryProblem(at, 'an attribute has 1 to 128 of a-z A-Z 0-9 _ . / \\ - for a name');
  if (name === READY_ATTRIBUTE) {
    throw new QueryProblem(at, `${name} is set by this scheduler: it cannot tell where daemons run`);
  }
  return { kind: 'attribute', name };
}
