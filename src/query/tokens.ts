/** A query as its words and signs, each with its place. */

export interface Token {
  readonly kind: 'quoted' | 'sign' | 'word' | 'end';
  /** What a quoted one says, without its quotes. */
  readonly text: string;
  /** Of its first character, from 1. */
  readonly position: number;
}

export interface Tokens {
  readonly tokens: readonly Token[];
  readonly end: Token;
}

/** What is wrong with a query, and where. Thrown while it is read. */
export class QueryProblem extends Error {
  override readonly name = 'QueryProblem';
  readonly position: number;

  constructor(position: number, problem: string) {
    super(problem);
    this.position = position;
  }
}

/** A word ends where a sign could begin: patterns and values with signs in them are quoted. */
const TOKEN =
  /\s*(?:(?<quoted>'[^']*'|"[^"]*")|(?<sign>==|!=|>=|<=|=~|!~|!exists\b|!in\b|&&|\|\||[><()[\],!])|(?<word>[^\s'"()[\],<>=!~&|]+))/y;

/** Throws QueryProblem. */
export function tokensOf(text: string): Tokens {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw unreadable(text, from);
    const { quoted, sign, word = '' } = groups;
    const position = TOKEN.lastIndex - (quoted ?? sign ?? word).length + 1;
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.slice(1, -1), position });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, position });
    else tokens.push({ kind: 'word', text: word, position });
  }
  return { tokens, end: { kind: 'end', text: '', position: end + 1 } };
}

function unreadable(text: string, from: number): QueryProblem {
  const at = from + text.slice(from).search(/\S/);
  const character = text.charAt(at);
  return new QueryProblem(
    at + 1,
    character === "'" || character === '"' ? 'the quotation does not end' : `${character} is no operator by itself`,
  );
}
