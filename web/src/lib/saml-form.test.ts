import { describe, expect, it } from 'vitest';
import type { SignInModule } from './operations/sign-in-modules.ts';
import { certificateState, emptySamlForm, samlFormOf, samlInputOf } from './saml-form.ts';

const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
const saml: NonNullable<SignInModule['saml']> = {
  metadataUrl: null,
  serviceMetadataPath: '/auth/saml/sim1/metadata',
  provider: {
    entityId: 'https://idp.example.com/',
    entryPoint: 'https://idp.example.com/sso',
    certificates: [{ pem: `${pem}\n`, subject: 'CN=idp', fingerprint: 'AA', validUntil: '2030-01-01T00:00:00Z' }],
    fetchedAt: null,
    problem: null,
  },
  signsRequests: true,
  wantedSignatures: 'assertion',
  mayBeginAtProvider: true,
  nameIdFormat: 'emailAddress',
  subjectAttribute: 'oid',
  nameAttribute: null,
  loginAttribute: null,
  emailAttribute: null,
  groupsAttribute: 'teams',
  sessionHours: 8,
};

describe('the form of SAML', () => {
  it('sends what it was shown', () => {
    const { metadataUrl: _, serviceMetadataPath: __, provider, ...sent } = saml;
    const { entityId, entryPoint } = provider;
    expect(samlInputOf(samlFormOf(saml))).toEqual({ ...sent, entityId, entryPoint, certificates: pem });
  });

  it('sends of the provider only what was chosen', () => {
    const form = { ...samlFormOf(saml), metadataUrl: 'https://idp.example.com/metadata', metadata: '<a/>' };
    expect(samlInputOf({ ...form, source: 'url' })).toMatchObject({ metadataUrl: form.metadataUrl });
    expect(samlInputOf({ ...form, source: 'url' })).not.toHaveProperty('entityId');
    expect(samlInputOf({ ...form, source: 'metadata' })).toMatchObject({ metadata: '<a/>' });
    expect(samlInputOf({ ...form, source: 'metadata' })).not.toHaveProperty('metadataUrl');
  });

  it('begins with what is safe', () => {
    const expected = { signsRequests: true, wantedSignatures: 'both', mayBeginAtProvider: false, sessionHours: null };
    expect(samlInputOf(emptySamlForm())).toMatchObject(expected);
    expect(samlFormOf(null)).toEqual(emptySamlForm());
  });
});

it('a certificate is said to end some weeks before', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(certificateState('2026-06-01T00:00:00Z', now)).toBe('good');
  expect(certificateState('2026-01-20T00:00:00Z', now)).toBe('soon');
  expect(certificateState('2025-12-31T00:00:00Z', now)).toBe('over');
});
