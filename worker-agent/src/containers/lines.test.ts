import { expect, test } from 'vitest';
import { lineSplitter } from './lines.ts';

function linesOf(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = lineSplitter((text) => lines.push(text));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test('lines come whole, however the stream is cut', () => {
  expect(linesOf('one\ntw', 'o\n', '\nfour')).toEqual(['one', 'two', '', 'four']);
});

test('a character that is cut in the middle is put together again', () => {
  const bytes = Buffer.from('grüß\n');
  expect(linesOf(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(['grüß']);
});

test('a progress bar is its last state; Windows line ends are line ends', () => {
  expect(linesOf('10%\r50%\r100%\ndone\r\n')).toEqual(['100%', 'done']);
});

test('a line without an end is cut', () => {
  expect(linesOf('x'.repeat(40_000)).map((line) => line.length)).toEqual([16_000, 16_000, 8_000]);
});
