import { Secret } from '@easel/kit/config';
import { newId } from '@easel/schema/ids';
import { expect, it } from 'vitest';
import { isSameText, ServerKey } from './server-key.ts';

const key = new ServerKey(new Secret('ab'.repeat(32)));
const other = new ServerKey(new Secret('cd'.repeat(32)));
const worker = { environmentId: newId('environment'), workerId: newId('worker'), generation: 1 };

it('opens what it sealed, for the same purpose alone', () => {
  const sealed = key.seal('secret ü', 'a/1');
  expect(key.open(sealed, 'a/1')).toBe('secret ü');
  expect(sealed).not.toContain('secret');
  expect(() => key.open(sealed, 'a/2')).toThrow('EASEL_SECRET_KEY');
  expect(() => other.open(sealed, 'a/1')).toThrow('EASEL_SECRET_KEY');
});

it('seals the same text differently each time', () => {
  expect(key.seal('a', 'p')).not.toBe(key.seal('a', 'p'));
});

it.each(['', 'v1', 'v1.', 'v1.AAAA', 'v2.AAAA', 'nonsense'])('does not open %j', (sealed) => {
  expect(() => key.open(sealed, 'p')).toThrow('does not open');
});

it('notices every changed byte', () => {
  const bytes = Buffer.from(key.seal('secret', 'p').slice(3), 'base64url');
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(() => key.open(`v1.${changed.toString('base64url')}`, 'p')).toThrow();
  }
});

it('makes one token per worker, always the same', () => {
  const token = key.workerToken(worker);
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  expect(key.workerToken({ ...worker })).toBe(token);
  const others = [
    { ...worker, generation: 2 },
    { ...worker, workerId: newId('worker') },
    { ...worker, environmentId: newId('environment') },
  ];
  for (const other of others) expect(key.workerToken(other)).not.toBe(token);
  expect(other.workerToken(worker)).not.toBe(token);
  expect(key.isWorkerToken(token, worker)).toBe(true);
  expect(key.isWorkerToken(token.slice(1), worker)).toBe(false);
});

it('compares texts of any length', () => {
  expect(isSameText('', '')).toBe(true);
  expect(isSameText('a', 'ab')).toBe(false);
  expect(isSameText('ä', 'a')).toBe(false);
});
