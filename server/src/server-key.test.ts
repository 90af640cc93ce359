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

it.each(['', 'v1', 'v1.', 'v1.AAAA', 'v2.AAAA', 'v2...', 'v2.00000000.AAAA.AAAA', 'v3.AAAA', 'nonsense'])(
  'does not open %j',
  (sealed) => {
    expect(() => key.open(sealed, 'p')).toThrow('does not open');
  },
);

it('notices every changed byte', () => {
  const [version, id, ...parts] = key.seal('secret', 'p').split('.');
  for (const [at, part] of parts.entries()) {
    const bytes = Buffer.from(part, 'base64url');
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      const sealed = [version, id, ...parts.with(at, changed.toString('base64url'))].join('.');
      expect(() => key.open(sealed, 'p')).toThrow('does not open');
    }
  }
});

it('opens what other keys have sealed that it is told of, and seals with the present one', () => {
  const both = new ServerKey(new Secret('cd'.repeat(32)), [new Secret('ab'.repeat(32))]);
  const before = key.seal('secret', 'p');
  expect(both.open(before, 'p')).toBe('secret');
  const anew = both.rewrap(before) ?? '';
  expect(other.open(anew, 'p')).toBe('secret');
  expect(() => other.open(anew, 'q')).toThrow();
  expect(both.rewrap(anew)).toBeNull();
  expect(() => other.rewrap(before)).toThrow('not known');
  expect(both.isWorkerToken(key.workerToken(worker), worker)).toBe(true);
  expect(both.workerToken(worker)).toBe(other.workerToken(worker));
});

/** What the release before envelopes has sealed with this key. */
const DIRECT = 'v1.zmQ0XpQYWgh3MW_o5S7ElUTtWEQtgESH0Wlu5Da0Ii90NcSFcg';

it('still opens what was sealed without an envelope', () => {
  expect(key.open(DIRECT, 'a/1')).toBe('secret ü');
  expect(new ServerKey(new Secret('cd'.repeat(32)), [new Secret('ab'.repeat(32))]).open(DIRECT, 'a/1')).toBe(
    'secret ü',
  );
  expect(() => other.open(DIRECT, 'a/1')).toThrow('does not open');
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
