import { expect, it } from 'vitest';
import { toCsv } from './csv.ts';

it('quotes what must be quoted, and lets no cell be a formula', () => {
  const rows = [
    { a: 'plain', b: 'with "quotes", and comma' },
    { a: '=HYPERLINK("http://evil")', b: null },
    { a: '-1+1', b: 'two\nlines' },
  ];
  expect(toCsv(['a', 'b'], rows)).toBe(
    'a,b\r\nplain,"with ""quotes"", and comma"\r\n"\'=HYPERLINK(""http://evil"")",\r\n\'-1+1,"two\nlines"\r\n',
  );
});
