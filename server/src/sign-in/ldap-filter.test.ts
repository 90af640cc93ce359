import { describe, expect, it } from 'vitest';
import { ldapSettingsSchema } from './kinds/ldap.ts';
import { isActive, subjectOf, valuesOf } from './ldap-entry.ts';
import { escapeValue, inChainFilter, loginFilter, subjectFilter } from './ldap-filter.ts';

const settings = ldapSettingsSchema.parse({
  kind: 'ldap',
  url: 'ldaps://ldap.example.com',
  baseDn: 'dc=example,dc=com',
  userFilter: '(uid={login})',
});

describe('a filter', () => {
  it.each([
    ['ada', '(uid=ada)'],
    ['*', '(uid=\\2a)'],
    ['a)(uid=*', '(uid=a\\29\\28uid\\3d\\2a)'],
    ['*)(|(uid=*', '(uid=\\2a\\29\\28\\7c\\28uid\\3d\\2a)'],
    ['a\\2a', '(uid=a\\5c2a)'],
    ['a\0b', '(uid=a\\00b)'],
    ['ü', '(uid=ü)'],
    ['$&{login}', '(uid=\\24\\26\\7blogin\\7d)'],
  ])('takes %j for a value and nothing else', (login, expected) => {
    expect(loginFilter(settings.userFilter, login)).toBe(expected);
  });

  it('finds a subject by its bytes, among those whom the module lets in', () => {
    expect(subjectFilter('(&(uid={login})(o=a))', 'objectGUID', '00ff2a').toString()).toBe(
      '(&(&(uid=*)(o=a))(objectGUID=\\00\\ff\\2a))',
    );
  });

  it('asks Active Directory for groups in groups', () => {
    expect(inChainFilter('cn=a b')).toBe('(member:1.2.840.113556.1.4.1941:=cn\\3da\\20b)');
    expect(escapeValue('\u007f\u{1f600}')).toBe('\\7f\u{1f600}');
  });
});

describe('an entry', () => {
  const now = Date.parse('2026-11-28T00:00:00Z');
  const at = (iso: string) => String((BigInt(Date.parse(iso)) + 11_644_473_600_000n) * 10_000n);
  it.each([
    [{}, true],
    [{ userAccountControl: '512' }, true],
    [{ userAccountControl: '514' }, false],
    [{ useraccountcontrol: '66050' }, false],
    [{ userAccountControl: 'x' }, false],
    [{ accountExpires: '0' }, true],
    [{ accountExpires: '9223372036854775807' }, true],
    [{ accountExpires: at('2026-11-27T00:00:00Z') }, false],
    [{ accountExpires: at('2026-11-29T00:00:00Z') }, true],
    [{ accountExpires: '-1' }, false],
    [{ nsAccountLock: 'TRUE' }, false],
    [{ pwdAccountLockedTime: '000001010000Z' }, false],
    [{ pwdAccountLockedTime: '20261127000000Z' }, true],
  ])('with %j may come in: %j', (attributes, expected) => {
    expect(isActive({ dn: 'cn=a', ...attributes } as never, now)).toBe(expected);
  });

  it('has one subject, as bytes', () => {
    const of = (value: unknown) => subjectOf({ dn: 'a', entryuuid: value } as never, settings);
    expect(of(Buffer.from([0, 255]))).toBe('00ff');
    expect(of('ab')).toBe('6162');
    expect(of([Buffer.from('a'), Buffer.from('b')])).toBeNull();
    expect(of([])).toBeNull();
    expect(valuesOf({ dn: 'a' }, 'constructor')).toEqual([]);
  });
});

describe('settings', () => {
  const of = (fields: object) => ldapSettingsSchema.safeParse({ ...settings, ...fields }).success;
  it.each([
    [{ url: 'ldap://ldap.example.com' }, true],
    [{ url: 'ldap://ldap.example.com', startsTls: false }, false],
    [{ url: 'ldap://127.0.0.1:389', startsTls: false }, true],
    [{ url: 'ldap://127.0.0.1.evil.example', startsTls: false }, false],
    [{ url: 'ldaps://ldap.example.com/dc=example' }, false],
    [{ url: 'ldaps://user:password@ldap.example.com' }, false],
    [{ url: 'https://ldap.example.com' }, false],
    [{ url: 'ldapi:///run/slapd' }, false],
    [{ userFilter: '(uid=ada)' }, false],
    [{ userFilter: 'uid={login}' }, false],
    [{ loginAttribute: 'uid)(x=*' }, false],
    [{ caCertificate: 'no certificate' }, false],
  ])('with %j are taken: %j', (fields, expected) => {
    expect(of(fields)).toBe(expected);
  });
});
