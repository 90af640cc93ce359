/**
 * Makes answers of an identity provider for suites, good ones and any others. They are written in canonical form by hand, so that
 * nothing of the library that checks signatures has a part in making them.
 */
import { constants, createCipheriv, createHash, createPublicKey, publicEncrypt, randomBytes, sign } from 'node:crypto';
import { type KeyAndCertificate, newKeyAndCertificate } from './certificate.ts';
import { NS } from './saml-names.ts';

export const ENTITY_ID = 'https://idp.example.com/metadata';
export const SERVICE = { entityId: 'https://easel.example.com/saml', acsUrl: 'https://easel.example.com/acs' };
export const REQUEST_ID = '_request';

const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';

export interface Forged {
  subject: string;
  format: string;
  issuer: string;
  audience: string;
  recipient: string;
  destination: string | null;
  inResponseTo: string | null;
  assertionId: string;
  responseId: string;
  notBefore: string;
  notOnOrAfter: string;
  sessionNotOnOrAfter: string | null;
  status: string;
  attributes: Record<string, string[]>;
  /** Written where the assertion's other parts end. */
  more: string;
  signs: { response: boolean; assertion: boolean };
  signatureMethod: string;
  digestMethod: string;
  canonicalization: string;
}

export const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

export interface TestSigner extends KeyAndCertificate {
  /** A response as XML. */
  respond(change?: Partial<Forged>): string;
  assertion(change?: Partial<Forged>): string;
  /** Signs the element with this id, which stands in canonical form, and puts the signature after its issuer. */
  sign(xml: string, id: string, forged?: Partial<Forged>): string;
}

export async function newSigner(): Promise<TestSigner> {
  const pair = await newKeyAndCertificate('idp.example.com', new Date());
  const fill = (change: Partial<Forged> = {}): Forged => ({
    subject: 'ada',
    format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    issuer: ENTITY_ID,
    audience: SERVICE.entityId,
    recipient: SERVICE.acsUrl,
    destination: SERVICE.acsUrl,
    inResponseTo: REQUEST_ID,
    assertionId: `_${randomBytes(8).toString('hex')}`,
    responseId: `_${randomBytes(8).toString('hex')}`,
    notBefore: at(-5),
    notOnOrAfter: at(300),
    sessionNotOnOrAfter: null,
    status: 'urn:oasis:names:tc:SAML:2.0:status:Success',
    attributes: {},
    more: '',
    signs: { response: true, assertion: true },
    signatureMethod: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    digestMethod: 'http://www.w3.org/2001/04/xmlenc#sha256',
    canonicalization: EXC_C14N,
    ...change,
  });

  function signed(xml: string, id: string, forged: Forged): string {
    const isWeak = (method: string) => /sha1$/.test(method);
    const hash = isWeak(forged.digestMethod) ? 'sha1' : 'sha256';
    const digest = createHash(hash).update(xml).digest('base64');
    const method = (name: string, algorithm: string) => `<ds:${name} Algorithm="${algorithm}"></ds:${name}>`;
    const transforms =
      method('Transform', 'http://www.w3.org/2000/09/xmldsig#enveloped-signature') +
      method('Transform', forged.canonicalization);
    const info = (declared: string) =>
      `<ds:SignedInfo${declared}>${method('CanonicalizationMethod', forged.canonicalization)}` +
      `${method('SignatureMethod', forged.signatureMethod)}<ds:Reference URI="#${id}">` +
      `<ds:Transforms>${transforms}</ds:Transforms>${method('DigestMethod', forged.digestMethod)}` +
      `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
    const canonical = info(` xmlns:ds="${NS.signature}"`);
    const value = sign(isWeak(forged.signatureMethod) ? 'sha1' : 'sha256', Buffer.from(canonical), pair.privateKey);
    const signature =
      `<ds:Signature xmlns:ds="${NS.signature}">${info('')}` +
      `<ds:SignatureValue>${value.toString('base64')}</ds:SignatureValue></ds:Signature>`;
    return xml.replace('</saml:Issuer>', `</saml:Issuer>${signature}`);
  }

  function assertion(change: Partial<Forged> = {}): string {
    const forged = fill(change);
    const optional = (name: string, value: string | null) => (value === null ? '' : ` ${name}="${value}"`);
    const attributes = Object.entries(forged.attributes).map(
      ([name, values]) =>
        `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
    );
    const xml =
      `<saml:Assertion xmlns:saml="${NS.assertion}" ID="${forged.assertionId}" IssueInstant="${at(0)}" Version="2.0">` +
      `<saml:Issuer>${forged.issuer}</saml:Issuer>` +
      `<saml:Subject><saml:NameID Format="${forged.format}">${forged.subject}</saml:NameID>` +
      `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData` +
      `${optional('InResponseTo', forged.inResponseTo)} NotOnOrAfter="${forged.notOnOrAfter}" Recipient="${forged.recipient}">` +
      `</saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>` +
      `<saml:Conditions NotBefore="${forged.notBefore}" NotOnOrAfter="${forged.notOnOrAfter}"><saml:AudienceRestriction>` +
      `<saml:Audience>${forged.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
      `<saml:AuthnStatement AuthnInstant="${at(0)}" SessionIndex="_s"${optional('SessionNotOnOrAfter', forged.sessionNotOnOrAfter)}>` +
      `<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>` +
      `</saml:AuthnContext></saml:AuthnStatement>` +
      `${attributes.length > 0 ? `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement>` : ''}` +
      `${forged.more}</saml:Assertion>`;
    return forged.signs.assertion ? signed(xml, forged.assertionId, forged) : xml;
  }

  return {
    ...pair,
    assertion,
    sign: (xml, id, forged) => signed(xml, id, fill(forged)),
    respond(change = {}) {
      const forged = fill(change);
      const xml = responseAround(assertion(forged), forged);
      return forged.signs.response ? signed(xml, forged.responseId, forged) : xml;
    },
  };
}

/** A response without a signature, around an assertion or whatever else. */
export function responseAround(inside: string, forged: Forged): string {
  const { destination, inResponseTo, issuer, responseId, status } = forged;
  return (
    `<samlp:Response xmlns:samlp="${NS.protocol}"${destination === null ? '' : ` Destination="${destination}"`} ID="${responseId}"` +
    `${inResponseTo === null ? '' : ` InResponseTo="${inResponseTo}"`} IssueInstant="${at(0)}" Version="2.0">` +
    `<saml:Issuer xmlns:saml="${NS.assertion}">${issuer}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="${status}"></samlp:StatusCode></samlp:Status>${inside}</samlp:Response>`
  );
}

/** What a provider with our certificate sends instead of an assertion. */
export function encrypted(assertion: string, certificate: string, method = 'rsa-oaep-mgf1p'): string {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const content = Buffer.concat([nonce, cipher.update(assertion), cipher.final(), cipher.getAuthTag()]);
  const padding = method === 'rsa-1_5' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_OAEP_PADDING;
  const sealedKey = publicEncrypt({ key: createPublicKey(certificate), padding }, key);
  const value = (bytes: Buffer) =>
    `<xenc:CipherData><xenc:CipherValue>${bytes.toString('base64')}</xenc:CipherValue></xenc:CipherData>`;
  const by = (algorithm: string) => `<xenc:EncryptionMethod Algorithm="${algorithm}"></xenc:EncryptionMethod>`;
  return (
    `<saml:EncryptedAssertion xmlns:saml="${NS.assertion}"><xenc:EncryptedData xmlns:xenc="${NS.encryption}" Type="${NS.encryption}Element">` +
    `${by('http://www.w3.org/2009/xmlenc11#aes256-gcm')}<ds:KeyInfo xmlns:ds="${NS.signature}"><xenc:EncryptedKey>` +
    `${by(`${NS.encryption}${method}`)}${value(sealedKey)}</xenc:EncryptedKey></ds:KeyInfo>${value(content)}` +
    `</xenc:EncryptedData></saml:EncryptedAssertion>`
  );
}

export const encode = (xml: string) => Buffer.from(xml).toString('base64');
