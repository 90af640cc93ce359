import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (name: string) => readFileSync(join(folder, name), 'utf8');

test('lines are added to what is there', () => {
  for (const line of ['one', 'two']) {
    const file = new LogFile(join(folder, 'a.log'));
    file.write(line);
    file.close();
    file.write('late');
    file.close();
  }
  expect(read('a.log')).toBe('one\ntwo\n');
});

test('a full file makes room for a new one, and the oldest goes', () => {
  const file = new LogFile(join(folder, 'a.log'), 10);
  for (const line of ['11111111', '22222222', '33333333', '44444444', '55555555']) file.write(line);
  file.close();
  expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2', 'a.log.3']);
  expect(read('a.log')).toBe('55555555\n');
  expect(read('a.log.3')).toBe('22222222\n');
});

test('a line that is longer than a file is kept whole', () => {
  const file = new LogFile(join(folder, 'a.log'), 4);
  file.write('longer than four');
  file.close();
  expect(read('a.log')).toBe('longer than four\n');
});
