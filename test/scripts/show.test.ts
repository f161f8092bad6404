import { describe, expect, it } from 'vitest';
import { readOptions } from '../../scripts/demo/options.ts';
import { Screen } from '../../scripts/demo/screen.ts';
import { COLUMNS_MOST, renderTable, wrapped } from '../../scripts/demo/table.ts';
import { turnsIn } from '../../scripts/demo/turns.ts';

const ESCAPE = '\u001B';

function screenOf(output: { readonly isTTY?: boolean; readonly columns?: number }, env: Record<string, string> = {}) {
  let text = '';
  const screen = new Screen({ ...output, write: (more) => (text += more) }, env);
  return { screen, text: () => text };
}

describe('the table', () => {
  it('aligns its columns and adds up the times', () => {
    const rows = [
      { what: 'hosts join', tookMs: 1_040, detail: '25 of 25' },
      { what: 'a task dies', tookMs: 12_500, detail: 'replaced' },
    ];
    expect(renderTable(rows)).toEqual([
      'what happened    took  seen',
      '-------------  ------  --------',
      'hosts join      1.0 s  25 of 25',
      'a task dies    12.5 s  replaced',
      '-------------  ------  --------',
      'together       13.5 s',
    ]);
  });
});

describe('long text', () => {
  it('is broken between words', () => {
    expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrapped('one', 7)).toEqual(['one']);
    expect(wrapped('a-long-word is kept whole', 7)).toEqual(['a-long-word', 'is kept', 'whole']);
  });

  it('stays within its columns below a step', () => {
    const { screen, text } = screenOf({});
    screen.note('word '.repeat(40).trim());
    const lines = text().trimEnd().split('\n');
    expect(lines.every((line) => line.length <= COLUMNS_MOST)).toBe(true);
    expect(lines.map((line) => line.search(/\S/))).toEqual([5, 7, 7]);
  });
});

describe('progress', () => {
  it('is plain lines without a terminal, each said once', () => {
    const { screen, text } = screenOf({});
    screen.progress('hosts join', '');
    screen.progress('hosts join', '21 of 25');
    screen.progress('hosts join', '21 of 25');
    screen.done('hosts join', '25 of 25', 1_234);
    expect(text()).toBe(' ..  hosts join\n ..  hosts join: 21 of 25\n ok  hosts join: 25 of 25 (1.2 s)\n');
  });

  it('is one line that changes on a terminal, and never wraps', () => {
    const { screen, text } = screenOf({ isTTY: true, columns: 20 }, { NO_COLOR: '1' });
    screen.progress('hosts join', 'as many as there are');
    screen.done('hosts join', 'all', 0);
    const clear = `\r${ESCAPE}[K`;
    expect(text()).toBe(`${clear} ..  hosts join: as${clear} ok  hosts join: all (0.0 s)\n`);
  });

  it('has colours on a terminal only', () => {
    const [terminal, file] = [screenOf({ isTTY: true }), screenOf({})];
    terminal.screen.done('hosts join', 'all', 0);
    file.screen.done('hosts join', 'all', 0);
    expect(terminal.text()).toContain(`${ESCAPE}[32m ok`);
    expect(file.text()).not.toContain(ESCAPE);
  });
});

describe('the options', () => {
  it('are two ports and whether to stay', () => {
    const options = { once: true, apiPort: 2001, simulatorPort: 4600 };
    expect(readOptions(['--once', '--port', '2001'])).toEqual({ kind: 'options', options });
  });

  it.each([
    [['--port', '70000'], '--port must be a port from 1 to 65535'],
    [['--simulator-port', 'x'], '--simulator-port must be a port from 1 to 65535'],
    [['--port', '4600'], '--port and --simulator-port must differ'],
    [['--twice'], "Unknown option '--twice'"],
  ])('%j is refused', (argv, reason) => {
    expect(readOptions(argv)).toEqual({ kind: 'wrong', text: `demo: ${reason}` });
  });
});

describe('the log of a worker', () => {
  it('tells of its turns, whatever else stands in it', () => {
    const log = [
      'npm warn something',
      '{"msg":"started","time":"2026-01-01T00:00:00.000Z"}',
      '{"msg":"turn","time":"2026-01-01T00:00:01.500Z","launches":2}',
      '{"msg":"turn","time":"2026-01-01T00:00:02.000Z","laun',
    ].join('\n');
    expect(turnsIn(log)).toEqual([{ at: Date.parse('2026-01-01T00:00:01.500Z'), launches: 2 }]);
  });
});
