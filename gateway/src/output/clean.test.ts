import { expect, it } from 'vitest';
import { colored, plain } from './clean.ts';

it.each([
  ['a title', '\u001b]0;rm -rf\u0007shop'],
  ['a link', '\u001b]8;;http://evil.example\u001b\\shop\u001b]8;;\u001b\\'],
  ['a cursor movement', '\u001b[2J\u001b[1;1Hshop'],
  ['an answer-back', '\u001b[21t\u001bZshop'],
  ['an eight-bit sequence', '\u009b31mshop'],
  ['a backspace', 'shop\u0008'],
  ['a change of direction', '\u202eshop\u202c'],
])('takes %s out of a name', (_what, text) => expect(plain(text)).toBe('shop'));

it('makes one line of several', () => expect(plain('one\r\n  two\nthree\tfour')).toBe('one two three four'));

it('keeps the colours of a log line and ends them with it', () => {
  expect(colored('\u001b[1;31merror\u001b[0m \u001b[2Kdone')).toBe('\u001b[1;31merror\u001b[0m done\u001b[0m');
  expect(colored('no colour\u001b]0;title\u0007')).toBe('no colour');
});

it('leaves letters of all scripts as they are', () => expect(plain('Größe 東京 🙂')).toBe('Größe 東京 🙂'));
