import { describe, expect, it } from 'vitest';
import { type SamlSettings, samlSettingsSchema } from './kinds/saml.ts';
import type { SamlAnswer } from './saml-assertion.ts';
import { claimsOfAnswer } from './saml-claims.ts';
import { SamlProblem } from './saml-problem.ts';

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

const answer = (attributes: Record<string, string[]>, nameId = { value: 'n', format: PERSISTENT }): SamlAnswer => ({
  assertionId: 'a',
  nameId,
  attributes: new Map(Object.entries(attributes)),
  expiresAt: new Date(),
  sessionEndsAt: null,
});
const settings = (change: object = {}): SamlSettings =>
  samlSettingsSchema.parse({
    kind: 'saml',
    provider: { from: 'url', metadataUrl: 'https://idp.example.com/metadata' },
    ...change,
  });

describe('attributes', () => {
  it('are found by their usual names', () => {
    const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
    const entra = {
      'http://schemas.microsoft.com/identity/claims/displayname': ['Ada'],
      [`${claims}/name`]: ['ada@example.com'],
      [`${claims}/emailaddress`]: ['ada@example.com'],
      'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups': ['g1', 'g2'],
    };
    const expected = { subject: 'n', name: 'Ada', preferredLogin: 'ada@example.com', groups: ['g1', 'g2'] };
    expect(claimsOfAnswer(answer(entra), settings())).toMatchObject(expected);
    const ldap = { uid: ['ada'], mail: ['ada@example.com'], cn: ['Ada'] };
    expect(claimsOfAnswer(answer(ldap), settings())).toMatchObject({
      name: 'Ada',
      preferredLogin: 'ada',
      groups: null,
    });
  });

  it('are those that the module names, and then no others', () => {
    const named = settings({ attributes: { login: 'nick', groups: 'teams' } });
    const said = answer({ uid: ['ada'], nick: ['countess'], groups: ['g'], teams: [] });
    expect(claimsOfAnswer(said, named)).toMatchObject({ preferredLogin: 'countess', groups: [] });
  });

  it('prove an address only where the provider is trusted with it', () => {
    const said = answer({ mail: ['ada@example.com'] });
    expect(claimsOfAnswer(said, settings()).verifiedEmail).toBeNull();
    expect(claimsOfAnswer(said, settings({ trustsEmail: true })).verifiedEmail).toBe('ada@example.com');
    expect(claimsOfAnswer(answer({ mail: ['a@b@c'] }), settings({ trustsEmail: true })).verifiedEmail).toBeNull();
  });
});

describe('the subject', () => {
  const problem = (said: SamlAnswer, change: object = {}) => {
    try {
      return claimsOfAnswer(said, settings(change)).subject;
    } catch (err) {
      if (!(err instanceof SamlProblem)) throw err;
      return err.sentence('Company');
    }
  };

  it('is a persistent NameID, or the attribute that the module names', () => {
    expect(problem(answer({}))).toBe('n');
    expect(problem(answer({ oid: ['7'] }), { attributes: { subject: 'oid' } })).toBe('7');
    expect(problem(answer({ oid: ['7'] }, { value: 'x', format: TRANSIENT }), { attributes: { subject: 'oid' } })).toBe(
      '7',
    );
    expect(problem(answer({}, { value: 'a@b.c', format: EMAIL }), { nameIdFormat: 'emailAddress' })).toBe('a@b.c');
    expect(problem(answer({}, { value: 'u', format: '' }), { nameIdFormat: 'unspecified' })).toBe('u');
  });

  it('is never a transient one, and the sentence says what to do', () => {
    for (const nameIdFormat of ['persistent', 'emailAddress', 'unspecified']) {
      const said = problem(answer({}, { value: 'x', format: TRANSIENT }), { nameIdFormat });
      expect(said).toContain('an attribute for the subject here');
    }
  });

  it('is nothing that could be somebody else’s', () => {
    expect(problem(answer({}, { value: 'a@b.c', format: EMAIL }))).toContain('another format than this server expects');
    expect(problem(answer({}, { value: '', format: PERSISTENT }))).toContain('did not say who you are');
    expect(problem(answer({}, { value: 'x'.repeat(256), format: PERSISTENT }))).toContain('did not say who you are');
    for (const values of [[], ['1', '2']]) {
      expect(problem(answer({ oid: values }), { attributes: { subject: 'oid' } })).toContain('no single value of oid');
    }
    expect(problem(answer({}), { attributes: { subject: 'oid' } })).toContain('no single value of oid');
  });
});
