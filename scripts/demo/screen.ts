import { COLUMNS_MOST, seconds, wrapped } from './table.ts';

/** What the screen writes to: `process.stdout`, or a test's own. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001B[K';
const COLOURS = { green: 32, red: 31, dim: 2, bold: 1 } as const;
const COLUMNS_UNLESS_TOLD = 80;
/** The mark before each line of a step. */
const MARK_CHARACTERS = 5;
const NOTE_CHARACTERS = MARK_CHARACTERS + 2;

/** Progress for people: one line that changes on a terminal, plain lines anywhere else. */
export class Screen {
  private readonly output: Output;
  private readonly coloured: boolean;
  /** Last progress shown, so that nothing is said twice. */
  private shown = '';

  constructor(output: Output, env: Readonly<Record<string, string | undefined>>) {
    this.output = output;
    this.coloured = output.isTTY === true && (env['NO_COLOR'] ?? '') === '';
  }

  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  paint(colour: keyof typeof COLOURS, text: string): string {
    return this.coloured ? `\u001B[${COLOURS[colour]}m${text}\u001B[0m` : text;
  }

  progress(step: string, detail: string): void {
    const text = detail === '' ? step : `${step}: ${detail}`;
    if (text === this.shown) return;
    this.shown = text;
    if (this.output.isTTY !== true) {
      this.line(` ..  ${text}`);
      return;
    }
    // A line that wraps could not be taken back.
    const room = (this.output.columns || COLUMNS_UNLESS_TOLD) - MARK_CHARACTERS - 1;
    this.output.write(`${CLEAR_LINE} ..  ${text.slice(0, Math.max(0, room))}`);
  }

  done(step: string, detail: string, tookMs: number): void {
    this.end(this.paint('green', ' ok  '), `${step}: ${detail} ${this.paint('dim', `(${seconds(tookMs)})`)}`);
  }

  /** More about the step above. What goes on in a second line stands further in. */
  note(text: string): void {
    for (const [index, line] of wrapped(text, COLUMNS_MOST - NOTE_CHARACTERS).entries()) {
      this.line(' '.repeat(index === 0 ? MARK_CHARACTERS : NOTE_CHARACTERS) + this.paint('dim', line));
    }
  }

  failed(step: string): void {
    this.end(this.paint('red', 'not  '), step);
  }

  /** Takes back a progress line that nothing follows. */
  clear(): void {
    if (this.output.isTTY === true && this.shown !== '') this.output.write(CLEAR_LINE);
    this.shown = '';
  }

  private end(mark: string, text: string): void {
    this.clear();
    this.line(`${mark}${text}`);
  }
}
