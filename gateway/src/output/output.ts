/**
 * Where a command speaks. For people: results on the standard output, all else on the standard error. With `--json`: only
 * JSON on the standard output, one value a line, and nothing but one line of JSON for a failure on the standard error.
 */
import { styleText } from 'node:util';
import type { Failure } from '../failure.ts';
import type { Io, Screen } from '../io.ts';
import { plain } from './clean.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan';

export interface Output {
  readonly isJson: boolean;
  /** One JSON value, on a line of its own. Does nothing without `--json`. */
  json(value: unknown): void;
  /** A result for people. Does nothing with `--json`. */
  line(text?: string): void;
  /** A remark for people, on the standard error. Does nothing with `--json`. */
  note(text: string): void;
  /** Aligned columns; a cell may be painted. The last column is not padded. */
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void;
  /** The text in this style where the screen shows colours. */
  paint(style: Style, text: string, screen?: 'stdout' | 'stderr'): string;
  /** The reason why the command ends as it does. */
  fail(failure: Failure): void;
  /** Something failed and the command goes on. */
  warn(failure: Failure, subject: string): void;
}

export type Cell = string | { readonly text: string; readonly style: Style };

export function createOutput(io: Io, options: { isJson: boolean; isColorRefused: boolean }): Output {
  const { isJson } = options;
  const paint: Output['paint'] = (style, text, screen = 'stdout') => {
    const isColored = text !== '' && io[screen].isTTY === true && !options.isColorRefused;
    return isColored ? styleText(style, text, { validateStream: false }) : text;
  };
  const print = (screen: Screen, text: string) => void screen.write(`${text}\n`);
  const output: Output = {
    isJson,
    paint,
    json(value) {
      if (isJson) print(io.stdout, JSON.stringify(value));
    },
    line(text = '') {
      if (!isJson) print(io.stdout, text);
    },
    note(text) {
      if (!isJson) print(io.stderr, text);
    },
    table(head, rows) {
      const cells = [head.map((text): Cell => ({ text, style: 'bold' })), ...rows].map((row) => row.map(cellOf));
      const widths = head.map((_, column) => Math.max(...cells.map((row) => [...(row[column]?.text ?? '')].length)));
      for (const row of cells) {
        const texts = row.map(({ text, style }, column) => {
          const padding = column === row.length - 1 ? 0 : (widths[column] ?? 0) - [...text].length;
          return `${style ? paint(style, text) : text}${' '.repeat(padding)}`;
        });
        output.line(texts.join('  ').trimEnd());
      }
    },
    fail(failure) {
      if (isJson) print(io.stderr, jsonOf(failure));
      else print(io.stderr, `${paint('red', 'easel:', 'stderr')} ${linesOf(failure.message)}`);
    },
    warn(failure, subject) {
      if (isJson) print(io.stderr, jsonOf({ ...failure, details: { ...failure.details, subject } }));
      else print(io.stderr, `${subject}: ${linesOf(failure.message)}`);
    },
  };
  return output;
}

function jsonOf({ code, message, details }: Failure): string {
  return JSON.stringify({ code, message, ...(Object.keys(details).length > 0 ? { details } : {}) });
}

function linesOf(message: string): string {
  return message.split('\n').map(plain).join('\n');
}

function cellOf(cell: Cell): { text: string; style?: Style } {
  return typeof cell === 'string' ? { text: plain(cell) } : { text: plain(cell.text), style: cell.style };
}
