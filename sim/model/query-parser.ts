/** The cluster query language: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html */
export type Query =
  | { readonly kind: 'and' | 'or'; readonly left: Query; readonly right: Query }
  | { readonly kind: 'not'; readonly of: Query }
  | { readonly kind: 'compare'; readonly subject: Subject; readonly operator: CompareOperator; readonly value: string }
  | { readonly kind: 'match'; readonly subject: Subject; readonly pattern: RegExp; readonly negated: boolean }
  | { readonly kind: 'in'; readonly subject: Subject; readonly values: readonly string[]; readonly negated: boolean }
  | { readonly kind: 'exists'; readonly subject: Subject; readonly negated: boolean };

export type CompareOperator = '==' | '!=' | '>' | '>=' | '<' | '<=';

export type Subject =
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: (typeof PLAIN_SUBJECTS)[number] };

export type ParsedQuery =
  | { readonly ok: true; readonly query: Query }
  | { readonly ok: false; readonly problem: string };

const PLAIN_SUBJECTS = [
  'agentConnected',
  'agentVersion',
  'ec2InstanceId',
  'registeredAt',
  'runningTasksCount',
  'task:group',
] as const;

/** The language has a word for each sign. */
const OPERATOR_WORDS: ReadonlyMap<string, string> = new Map([
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

const TOKEN =
  /\s*(?:(?<quoted>'[^']*'|"[^"]*")|(?<sign>==|!=|>=|<=|=~|!~|!exists\b|!in\b|&&|\|\||[><()[\],!])|(?<word>[^\s'"()[\],<>=!~&|]+))/y;

interface Token {
  readonly kind: 'quoted' | 'sign' | 'word' | 'end';
  readonly text: string;
}

export function parseQuery(text: string): ParsedQuery {
  try {
    return { ok: true, query: new Parser(tokenize(text)).parse() };
  } catch (error) {
    if (error instanceof QueryProblem) return { ok: false, problem: error.message };
    throw error;
  }
}

class QueryProblem extends Error {}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw new QueryProblem(`unexpected text at character ${start}`);
    if (groups['quoted'] !== undefined) tokens.push({ kind: 'quoted', text: groups['quoted'].slice(1, -1) });
    else if (groups['sign'] !== undefined) tokens.push({ kind: 'sign', text: groups['sign'] });
    else tokens.push({ kind: 'word', text: groups['word'] ?? '' });
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Query {
    const query = this.#or();
    if (this.#peek().kind !== 'end') throw new QueryProblem(`unexpected "${this.#peek().text}"`);
    return query;
  }

  #or(): Query {
    let left = this.#and();
    while (this.#accept('or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Query {
    let left = this.#not();
    while (this.#accept('and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Query {
    if (this.#accept('not')) return { kind: 'not', of: this.#not() };
    if (!this.#accept('(')) return this.#condition();
    const inner = this.#or();
    this.#expect(')');
    return inner;
  }

  #condition(): Query {
    const subject = readSubject(this.#take());
    const operator = this.#operator();
    switch (operator) {
      case 'exists':
      case '!exists':
        return { kind: 'exists', subject, negated: operator === '!exists' };
      case 'in':
      case '!in':
        return { kind: 'in', subject, values: this.#list(), negated: operator === '!in' };
      case '=~':
      case '!~':
        return { kind: 'match', subject, pattern: readPattern(this.#value()), negated: operator === '!~' };
      case '==':
      case '!=':
      case '>':
      case '>=':
      case '<':
      case '<=':
        return { kind: 'compare', subject, operator, value: this.#value() };
      default:
        throw new QueryProblem(`"${operator}" is not an operator`);
    }
  }

  #list(): readonly string[] {
    this.#expect('[');
    const values = [this.#value()];
    while (this.#accept(',')) values.push(this.#value());
    this.#expect(']');
    return values;
  }

  #value(): string {
    const token = this.#take();
    if (token.kind === 'sign' || token.kind === 'end') throw new QueryProblem('a value is missing');
    return token.text;
  }

  #operator(): string {
    const token = this.#take();
    return OPERATOR_WORDS.get(token.text) ?? token.text;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: 'end of expression' };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  #accept(text: string): boolean {
    const token = this.#peek();
    if (token.kind === 'quoted' || (OPERATOR_WORDS.get(token.text) ?? token.text) !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw new QueryProblem(`expected "${text}" before "${this.#peek().text}"`);
  }
}

function readSubject(token: Token): Subject {
  if (token.kind !== 'word') throw new QueryProblem(`"${token.text}" is not a subject`);
  if (token.text.startsWith('attribute:') && token.text !== 'attribute:') {
    return { kind: 'attribute', name: token.text.slice('attribute:'.length) };
  }
  const plain = PLAIN_SUBJECTS.find((subject) => subject === token.text);
  if (plain === undefined) throw new QueryProblem(`"${token.text}" is not a subject`);
  return { kind: plain };
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, 'u');
  } catch {
    throw new QueryProblem(`"${text}" is not a pattern`);
  }
}
