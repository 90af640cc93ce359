import { expect, test } from 'vitest';
import { plainText, segmentsOf } from './ansi.ts';

const ESC = '\u001b';

test('colours become looks, everything else of the terminal is dropped', () => {
  expect(segmentsOf(`${ESC}[1;32mok${ESC}[0m done`, '')).toEqual([
    { text: 'ok', look: 'ansi-green font-semibold', isMatch: false },
    { text: ' done', look: '', isMatch: false },
  ]);
  expect(plainText(`${ESC}]0;title\u0007a${ESC}[2Kb${ESC}[10;3Hc\u0008`)).toBe('abc');
});

test('extended colours do not swallow the codes after them', () => {
  expect(segmentsOf(`${ESC}[38;5;9;1mx`, '')[0]).toMatchObject({ look: 'ansi-red font-semibold' });
  expect(segmentsOf(`${ESC}[38;2;1;2;3;1mx`, '')[0]).toMatchObject({ look: 'font-semibold' });
  expect(segmentsOf(`${ESC}[48;5;1;31mx`, '')[0]).toMatchObject({ look: 'ansi-red' });
});

test('a line written over shows what was written last', () => {
  expect(plainText('10 %\r55 %\r100 %\r')).toBe('100 %');
});

test('an unfinished sequence shows as nothing', () => {
  expect(plainText(`a${ESC}]8;;http://x`)).toBe('a');
});

test('matches are found across colours and without regard to case', () => {
  const segments = segmentsOf(`fa${ESC}[31mtal: Fatal`, 'FATAL');
  expect(segments.filter((segment) => segment.isMatch).map((segment) => segment.text)).toEqual(['fa', 'tal', 'Fatal']);
  expect(segments.map((segment) => segment.text).join('')).toBe('fatal: Fatal');
});

test('markup stays text', () => {
  expect(plainText('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>');
});
