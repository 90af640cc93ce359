/**
 * What a provider publishes of itself: who it is, where browsers are sent, and which keys it signs with.
 * Source: saml-metadata-2.0-os §2.
 */
import { X509Certificate } from 'node:crypto';
import { pemOf } from './certificate.ts';
import { isSafeAddress } from './kinds/common.ts';
import { NS, REDIRECT_BINDING } from './saml-names.ts';
import { allOf, childrenOf, parseXml, type XmlElement, XmlProblem } from './saml-xml.ts';

/** Of one provider; that of a whole federation is larger, and not taken. */
const MAX_METADATA_BYTES = 1024 * 1024;
/** Two are a roll-over; the check of a signature tries all of them. */
const MAX_CERTIFICATES = 10;
const MIN_KEY_BITS = 2048;

export interface ProviderMetadata {
  entityId: string;
  /** Where a request is sent by HTTP-Redirect. */
  entryPoint: string;
  /** PEM; any of them may have signed. */
  certificates: string[];
}

/** What is wrong with metadata or certificates, as a sentence for the administrator. */
export class MetadataProblem extends Error {}

/** Throws MetadataProblem. */
export function parseMetadata(xml: string, now: Date): ProviderMetadata {
  const provider = entityOf(xml);
  const entityId = provider.attributes.get('entityID') ?? '';
  if (entityId === '' || entityId.length > 1024) throw new MetadataProblem('the metadata has no entityID');
  const validUntil = provider.attributes.get('validUntil');
  if (validUntil && !(Date.parse(validUntil) > now.getTime())) {
    throw new MetadataProblem(`the metadata was valid until ${validUntil}: get it anew from the provider`);
  }
  const [role] = childrenOf(provider, NS.metadata, 'IDPSSODescriptor').filter(({ attributes }) =>
    (attributes.get('protocolSupportEnumeration') ?? '').split(/\s+/).includes(NS.protocol),
  );
  if (!role) {
    throw new MetadataProblem('the metadata is not of an identity provider (there is no IDPSSODescriptor of SAML 2.0)');
  }
  const entryPoint = childrenOf(role, NS.metadata, 'SingleSignOnService')
    .find(({ attributes }) => attributes.get('Binding') === REDIRECT_BINDING)
    ?.attributes.get('Location');
  if (!entryPoint || !isSafeAddress(entryPoint)) {
    throw new MetadataProblem('the metadata names no https:// address for HTTP-Redirect (SingleSignOnService)');
  }
  return { entityId, entryPoint, certificates: signingCertificatesOf(role) };
}

function entityOf(xml: string): XmlElement {
  if (xml.length > MAX_METADATA_BYTES) {
    throw new MetadataProblem(`metadata has at most ${MAX_METADATA_BYTES} bytes: give that of one provider alone`);
  }
  let root: XmlElement;
  try {
    root = parseXml(xml.trim(), { mayHaveComments: true });
  } catch (cause) {
    if (!(cause instanceof XmlProblem)) throw cause;
    throw new MetadataProblem(`expected the metadata of an identity provider as XML: ${cause.message}`, { cause });
  }
  const entities = [...allOf(root)].filter(
    ({ namespace, name }) => namespace === NS.metadata && name === 'EntityDescriptor',
  );
  const [entity] = entities;
  if (entity && entities.length === 1) return entity;
  throw new MetadataProblem(`expected metadata of one provider (EntityDescriptor), got ${entities.length}`);
}

function signingCertificatesOf(role: XmlElement): string[] {
  const keys = childrenOf(role, NS.metadata, 'KeyDescriptor').filter(
    ({ attributes }) => (attributes.get('use') ?? 'signing') === 'signing',
  );
  const bodies = keys
    .flatMap((key) => [...allOf(key)])
    .filter(({ namespace, name }) => namespace === NS.signature && name === 'X509Certificate')
    .map(({ text }) => text.replace(/\s+/g, ''));
  return usable(bodies.map((body) => pemOf(Buffer.from(body, 'base64'))));
}

/** Those that somebody has pasted, one after another. Throws MetadataProblem. */
export function parseCertificates(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return usable(blocks.map((block) => pemOf(Buffer.from(block.replace(/-----[^-]+-----|\s+/g, ''), 'base64'))));
}

/** Without those that nothing good could be checked with; none is left of nothing. */
function usable(certificates: string[]): string[] {
  const good = [...new Set(certificates)].filter((pem) => {
    try {
      const { publicKey } = new X509Certificate(pem);
      return (
        publicKey.asymmetricKeyType === 'rsa' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_KEY_BITS
      );
    } catch {
      return false;
    }
  });
  if (good.length > 0 && good.length <= MAX_CERTIFICATES) return good;
  throw new MetadataProblem(
    `expected 1 to ${MAX_CERTIFICATES} signing certificates (RSA, at least ${MIN_KEY_BITS} bits), got ${good.length}`,
  );
}

/** What people are told of a certificate. */
export function describeCertificate(pem: string): { subject: string; fingerprint: string; validUntil: Date } {
  const { subject, fingerprint256, validToDate } = new X509Certificate(pem);
  return { subject: subject.replaceAll('\n', ', '), fingerprint: fingerprint256, validUntil: validToDate };
}
