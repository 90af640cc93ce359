import { describe, expect, it } from 'vitest';
import { claimsOf, domainOf, groupsOf, isAllowed, loginsFor } from './claims.ts';

describe('an e-mail address', () => {
  it.each([true, false, 'true', 1, undefined, null])('is believed when it is verified by a boolean: %j', (verified) => {
    const claims = claimsOf({ sub: 's', email: 'a@example.com', email_verified: verified });
    expect(claims?.verifiedEmail).toBe(verified === true ? 'a@example.com' : null);
  });

  it.each([
    ['a@example.com', true],
    ['A@EXAMPLE.com', true],
    ['a@evil-example.com', false],
    ['a@example.com.evil.org', false],
    ['a@sub.example.com', false],
    ['a@evil.org@example.com', false],
    ['"a@evil.org"@example.com', false],
    ['a@example.com\n@evil.org', false],
    ['a@еxample.com', false],
    ['a@example.com ', false],
    ['@example.com', false],
    ['example.com', false],
  ])('%j is of example.com: %j', (email, expected) => {
    expect(isAllowed(email, ['example.com'])).toBe(expected);
  });

  it('that nobody has verified is of no domain, and any is of none', () => {
    expect(isAllowed(null, ['example.com'])).toBe(false);
    expect(isAllowed(null, [])).toBe(true);
    expect(domainOf('a@b@c')).toBeNull();
  });
});

it('without a subject there is nobody', () => {
  for (const sub of [undefined, '', ' ', 7, 'x'.repeat(256)]) expect(claimsOf({ sub })).toBeNull();
});

it('a login is made of what the provider says first', () => {
  const claims = { subject: 's', name: 'Zoë Ünal', preferredLogin: null, verifiedEmail: null, groups: null };
  expect(loginsFor(claims).slice(0, 3)).toEqual(['zoe.unal', 'zoe.unal-2', 'zoe.unal-3']);
  expect(loginsFor({ ...claims, preferredLogin: 'Zoe@corp' })[0]).toBe('zoe');
  expect(loginsFor({ ...claims, name: '名前' })[0]).toBe('user');
});

describe('groups', () => {
  it.each([
    [undefined, null],
    [null, null],
    [[], []],
    ['', []],
    ['developers', ['developers']],
    [
      ['a', ' b ', 'a', 7, null, { name: 'c' }],
      ['a', 'b'],
    ],
    [['x'.repeat(201), 'y'], ['y']],
  ])('of %j are %j', (claim, expected) => {
    expect(groupsOf(claim)).toEqual(expected);
  });

  it('lie in the claim that the module names, and in none that all objects have', () => {
    expect(claimsOf({ sub: 's', roles: 'a', groups: ['b'] }, 'roles')?.groups).toEqual(['a']);
    expect(claimsOf({ sub: 's' }, 'constructor')?.groups).toBeNull();
  });
});
