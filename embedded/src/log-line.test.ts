import { expect, test } from 'vitest';
import { humanLine } from './log-line.ts';

const line = (fields: object) => JSON.stringify({ time: '2026-01-01T00:00:00Z', service: 'server', ...fields });

test('a log line is its message and the fields that say something', () => {
  expect(
    humanLine(line({ level: 'info', message: 'environment placed', environmentId: 'env1', durationMs: 12 })),
  ).toEqual({
    rank: 30,
    text: 'environment placed environmentId=env1 durationMs=12',
  });
});

test('a warning says so, and why', () => {
  const err = { type: 'Error', message: 'connect failed\n  at somewhere', code: 'ECONNREFUSED', stack: '…' };
  expect(humanLine(line({ level: 'warn', message: 'loop turn failed', err }))).toEqual({
    rank: 40,
    text: 'warn: loop turn failed (ECONNREFUSED: connect failed)',
  });
});

test('long values are cut', () => {
  expect(humanLine(line({ level: 'info', message: 'm', code: 'x'.repeat(500) })).text.length).toBeLessThan(120);
});

test('what is not a log line is shown as it came', () => {
  expect(humanLine('Segmentation fault')).toEqual({ rank: 40, text: 'Segmentation fault' });
  expect(humanLine('{"half":')).toEqual({ rank: 40, text: '{"half":' });
  expect(humanLine('{"no":"message"}')).toEqual({ rank: 40, text: '{"no":"message"}' });
});

test('of PostgreSQL only trouble is shown', () => {
  const from = (text: string) => humanLine(`2026-11-23 18:36:51.474 UTC [24488] ${text}`);
  expect(from('LOG:  database system is ready to accept connections').rank).toBe(20);
  expect(from('FATAL:  the database system is starting up').rank).toBe(20);
  expect(from('ERROR:  division by zero')).toEqual({ rank: 40, text: 'error: division by zero' });
  expect(from('PANIC:  could not write to file').rank).toBe(60);
  expect(humanLine('\tSELECT 1').rank).toBe(20);
});
