/**
 * From what a browser has posted to what the provider says of somebody, or a SamlProblem.
 *
 * Three steps, each of which refuses by itself: the shape of the document (saml-shape.ts), the signatures and the decryption, which
 * are the library's, and the meaning of what was signed (saml-assertion.ts). Only the bytes that a signature covers are read for
 * their meaning. What the response itself says (destination, request) is checked where it is there, though it may not be signed.
 */
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { checkIssuer, type Expected, readAssertion, type SamlAnswer, SKEW_MS } from './saml-assertion.ts';
import { NS } from './saml-names.ts';
import { SamlProblem, type SamlProblemKind } from './saml-problem.ts';
import { assertionNotSigned, checkShape, checkSignatures, type Shape, type WantedSignatures } from './saml-shape.ts';
import { childrenOf, parseXml, type XmlElement, XmlProblem } from './saml-xml.ts';

/** With some thousand groups; more is no answer. */
export const MAX_RESPONSE_BYTES = 256 * 1024;
/** The library's work grows faster than their number: this many take it half a second, while a usual answer takes 25 ms. */
const MAX_ELEMENTS = 4000;

export interface ExpectedResponse extends Expected {
  provider: { entityId: string; certificates: string[] };
  wanted: WantedSignatures;
  /** PEM; of the certificate that our metadata gives for encryption. */
  decryptionKey: string;
}

export async function readResponse(encoded: string, expected: ExpectedResponse): Promise<SamlAnswer> {
  const xml = decode(encoded);
  const response = parse(xml);
  const shape = checkShape(response, expected.wanted);
  checkAround(response, shape, expected);
  const assertion = parse(await verify(xml, shape, expected));
  if (shape.isEncrypted && !checkSignatures(assertion, [assertion])) throw assertionNotSigned();
  return readAssertion(assertion, expected);
}

function decode(encoded: string): string {
  const text = encoded.replace(/[\r\n\t ]+/g, '');
  if (text.length > (MAX_RESPONSE_BYTES * 4) / 3 + 4) {
    throw new SamlProblem('malformed', `a response has at most ${MAX_RESPONSE_BYTES} bytes`);
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new SamlProblem('malformed', 'it is not base64');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64'));
  } catch (cause) {
    throw new SamlProblem('malformed', 'it is not UTF-8', { cause });
  }
}

function parse(xml: string): XmlElement {
  try {
    return parseXml(xml, { maxElements: MAX_ELEMENTS });
  } catch (cause) {
    if (!(cause instanceof XmlProblem)) throw cause;
    throw new SamlProblem('malformed', `it is not XML as we read it: ${cause.message}`, { cause });
  }
}

function checkAround(
  response: XmlElement,
  { isResponseSigned }: Shape,
  { provider, service, requestId }: Expected,
): void {
  const [issuer] = childrenOf(response, NS.assertion, 'Issuer');
  if (issuer) checkIssuer(issuer, provider.entityId);
  const destination = response.attributes.get('Destination');
  // Required of what is signed (saml-bindings-2.0-os §3.5.5.2).
  if (destination === undefined ? isResponseSigned : destination !== service.acsUrl) {
    throw new SamlProblem('audience', `expected the destination ${service.acsUrl}, got ${destination}`);
  }
  const inResponseTo = response.attributes.get('InResponseTo') ?? null;
  if (inResponseTo !== requestId) {
    throw new SamlProblem('request', `it answers the request ${inResponseTo}, not ${requestId}`);
  }
}

/** The assertion, as it was signed. */
async function verify(
  xml: string,
  { isEncrypted, isResponseSigned }: Shape,
  expected: ExpectedResponse,
): Promise<string> {
  const { service, provider, requestId, nowMs } = expected;
  const askedAt = new Date(nowMs).toISOString();
  const saml = new SAML({
    issuer: service.entityId,
    audience: service.entityId,
    callbackUrl: service.acsUrl,
    idpCert: provider.certificates,
    decryptionPvk: expected.decryptionKey,
    wantAssertionsSigned: true,
    // That it is where it has to be was seen before.
    wantAuthnResponseSigned: isResponseSigned,
    acceptedClockSkewMs: SKEW_MS,
    validateInResponseTo: requestId === null ? ValidateInResponseTo.never : ValidateInResponseTo.always,
    // The request was taken out of our database before: there is this one, and no other.
    cacheProvider: {
      getAsync: async (id) => (id === requestId ? askedAt : null),
      saveAsync: async () => null,
      removeAsync: async () => null,
    },
  });
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString('base64') });
    const assertion = profile?.getAssertionXml?.();
    if (assertion) return assertion;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SamlProblem(kindOf(reason, isEncrypted), reason, { cause });
  }
  throw new SamlProblem('malformed', 'the library finds no assertion');
}

/** The library tells its refusals apart by words alone. */
function kindOf(reason: string, isEncrypted: boolean): SamlProblemKind {
  if (/signature/i.test(reason)) return 'signature';
  if (/audience/i.test(reason)) return 'audience';
  if (/InResponseTo/i.test(reason)) return 'request';
  if (/expired|not yet valid|subject confirmation|valid date/i.test(reason)) return 'time';
  return isEncrypted ? 'decryption' : 'malformed';
}
