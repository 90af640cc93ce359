import { beforeAll, describe, expect, it } from 'vitest';
import { newKeyAndCertificate } from './certificate.ts';
import { describeCertificate, MetadataProblem, parseCertificates, parseMetadata } from './saml-metadata.ts';

const now = new Date('2026-06-01T00:00:00Z');
let certificate: string;
let next: string;

beforeAll(async () => {
  const pairs = await Promise.all([newKeyAndCertificate('idp', now), newKeyAndCertificate('idp', now)]);
  [certificate, next] = pairs.map((pair) => pair.certificate) as [string, string];
});

const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const key = (pem: string, use = ' use="signing"') =>
  `<md:KeyDescriptor${use}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
  ${pem.replace(/-----[^-]+-----/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`;
const service = (location = 'https://idp.example.com/sso', binding = REDIRECT) =>
  `<md:SingleSignOnService Binding="${binding}" Location="${location}"/>`;
const metadata = (inside: string, more = '') => `<?xml version="1.0"?>
<!-- of the company -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/"${more}>
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${inside}</md:IDPSSODescriptor>
</md:EntityDescriptor>`;

describe('metadata of a provider', () => {
  it('says who it is, where it is, and what it signs with', () => {
    const post = service('https://idp.example.com/post', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST');
    expect(parseMetadata(metadata(key(certificate) + post + service()), now)).toEqual({
      entityId: 'https://idp.example.com/',
      entryPoint: 'https://idp.example.com/sso',
      certificates: [certificate],
    });
  });

  it('may have several keys, and those for encryption are none of them', () => {
    const keys = key(certificate) + key(next, '') + key(next, ' use="encryption"') + key(certificate);
    expect(parseMetadata(metadata(keys + service()), now).certificates).toEqual([certificate, next]);
  });

  it.each([
    ['no XML', () => '{}', 'as XML'],
    ['an entity', () => `<!DOCTYPE a [<!ENTITY b "c">]>${metadata(key(certificate) + service())}`, 'as XML'],
    ['no provider', () => metadata('').replaceAll('IDPSSO', 'SPSSO'), 'not of an identity provider'],
    ['no key', () => metadata(service()), 'got 0'],
    ['a key that is none', () => metadata(key('AAAA') + service()), 'got 0'],
    ['no address', () => metadata(key(certificate)), 'no https:// address'],
    ['an address without TLS', () => metadata(key(certificate) + service('http://idp.example.com/')), 'no https://'],
    ['an address that is code', () => metadata(key(certificate) + service('javascript:alert(1)')), 'no https://'],
    [
      'an end in the past',
      () => metadata(key(certificate) + service(), ' validUntil="2026-05-01T00:00:00Z"'),
      'was valid until',
    ],
    ['an end that is no time', () => metadata(key(certificate) + service(), ' validUntil="soon"'), 'was valid until'],
    [
      'many providers',
      () =>
        `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${metadata('')
          .replace(/<\?.*\?>/, '')
          .repeat(2)}</md:EntitiesDescriptor>`,
      'got 2',
    ],
    ['a megabyte', () => metadata('x'.repeat(1024 * 1024)), 'at most'],
  ])('with %s is refused in words', (_name, make, words) => {
    expect(() => parseMetadata(make(), now)).toThrow(MetadataProblem);
    expect(() => parseMetadata(make(), now)).toThrow(words);
  });
});

describe('certificates', () => {
  it('are pasted one after another', () => {
    expect(parseCertificates(`here: ${certificate}\r\n${next.replaceAll('\n', '\r\n')}`)).toEqual([certificate, next]);
    expect(() => parseCertificates('hello')).toThrow('got 0');
  });

  it('are told apart by people', () => {
    const { subject, fingerprint, validUntil } = describeCertificate(certificate);
    expect(subject).toBe('CN=idp');
    expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(validUntil.toISOString()).toBe('2036-06-01T00:00:00.000Z');
  });
});
