import { describe, expect, it } from 'vitest';
import { applyPatch, USER_ATTRIBUTES } from './scim-patch.ts';
import { ENTERPRISE_USER, parseFilter, parsePath } from './scim-path.ts';

const patch = (resource: Record<string, unknown>, ...Operations: unknown[]) =>
  applyPatch(resource, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations }, USER_ATTRIBUTES);

describe('a filter', () => {
  it.each([
    ['userName eq "Ada@Example.com"', [{ attribute: 'username', value: 'Ada@Example.com' }]],
    ['emails[type eq "work"].value EQ "a and b"', [{ attribute: 'emails', value: 'a and b' }]],
    [
      'emails.value eq "a@b.c" AND active eq true',
      [
        { attribute: 'emails', value: 'a@b.c' },
        { attribute: 'active', value: true },
      ],
    ],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a\\"b"', [{ attribute: 'username', value: 'a"b' }]],
  ])('is understood: %s', (text, comparisons) => {
    expect(parseFilter(text)).toEqual(comparisons);
  });

  it.each([
    '',
    'userName',
    'userName co "a"',
    'userName eq a',
    'userName eq "a" or active eq true',
    'not (userName eq "a")',
    '"'.repeat(900),
  ])('is refused: %s', (text) => {
    expect(() => parseFilter(text)).toThrow(expect.objectContaining({ scimType: expect.stringMatching(/invalid/) }));
  });
});

describe('a path', () => {
  it('is an attribute, a part of one, or what a filter finds of it', () => {
    expect(parsePath('name.givenName')).toEqual({ attribute: 'name', where: null, sub: 'givenName' });
    const where = { attribute: 'type', value: 'work' };
    expect(parsePath('emails[type eq "work"].value')).toEqual({ attribute: 'emails', where, sub: 'value' });
    expect(parsePath(`${ENTERPRISE_USER}:department`)).toEqual({
      attribute: ENTERPRISE_USER,
      where: null,
      sub: 'department',
    });
    expect(() => parsePath('a[b')).toThrow(/not understood/);
  });
});

describe('a patch', () => {
  it('takes Okta’s forms, without a path', () => {
    expect(patch({ active: true }, { op: 'replace', value: { active: false } })).toEqual({ active: false });
  });

  it('takes Entra ID’s forms: capital letters, dotted names, a filter that finds nothing yet', () => {
    const changed = patch(
      { userName: 'a', name: { givenName: 'A', familyName: 'L' } },
      { op: 'Replace', path: 'active', value: 'False' },
      { op: 'Add', path: 'emails[type eq "work"].value', value: 'a@b.c' },
      { op: 'Replace', value: { 'name.givenName': 'Ada', [`${ENTERPRISE_USER}:department`]: 'R&D', unheardOf: 1 } },
    );
    expect(changed).toEqual({
      userName: 'a',
      active: 'False',
      name: { givenName: 'Ada', familyName: 'L' },
      emails: [{ type: 'work', value: 'a@b.c' }],
      [ENTERPRISE_USER]: { department: 'R&D' },
    });
  });

  it('adds members once, and removes those that the path or the value names', () => {
    const group = (members: unknown[], ...Operations: unknown[]) =>
      applyPatch({ members }, { Operations }, ['members']).members;
    const one = [{ value: '1' }];
    expect(group(one, { op: 'add', path: 'members', value: [{ value: '1' }, { value: '2' }] })).toEqual([
      ...one,
      { value: '2' },
    ]);
    expect(group(one, { op: 'Remove', path: 'members', value: [{ value: '1' }] })).toEqual([]);
    expect(group(one, { op: 'remove', path: 'members[value eq "1"]' })).toEqual([]);
    expect(group(one, { op: 'remove', path: 'members' })).toBeUndefined();
    expect(group(one, { op: 'replace', path: 'members', value: [{ value: '3' }] })).toEqual([{ value: '3' }]);
  });

  it.each([
    [{ op: 'move', path: 'active' }],
    [{ op: 'remove' }],
    [{ op: 'replace', value: 'x' }],
    [{ path: 'active', value: true }],
  ])('is refused: %j', (operation) => {
    expect(() => patch({}, operation)).toThrow(expect.objectContaining({ status: 400 }));
  });
});
