/**
 * What a response must look like before anybody computes anything about it. A signature says that some element is genuine, and
 * the attacks by "wrapping" live from the distance between that element and the one that is read. Here there is no distance:
 * one assertion in the whole document, at its one place; signatures only as children of what they sign; no id twice.
 * Source: J. Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (2012).
 */
import {
  CANONICALIZATION,
  CONTENT_ENCRYPTION,
  KEY_ENCRYPTION,
  NS,
  SIGNATURE_ALGORITHMS,
  SUCCESS,
} from './saml-names.ts';
import { SamlProblem } from './saml-problem.ts';
import { allOf, childrenOf, idsOf, type XmlElement } from './saml-xml.ts';

/** Response and assertion, or the assertion alone; never neither. */
export type WantedSignatures = 'both' | 'assertion';

export interface Shape {
  isEncrypted: boolean;
  isResponseSigned: boolean;
}

/** Throws SamlProblem. */
export function checkShape(response: XmlElement, wanted: WantedSignatures): Shape {
  if (response.namespace !== NS.protocol || response.name !== 'Response') {
    throw new SamlProblem('malformed', `expected a samlp:Response, got ${response.name}`);
  }
  if (response.attributes.get('Version') !== '2.0') throw new SamlProblem('malformed', 'it is not of SAML 2.0');
  checkStatus(response);
  const ids = idsOf(response);
  if (new Set(ids).size !== ids.length) throw new SamlProblem('signature', 'an id stands there twice');
  const assertions = [...allOf(response)].filter(
    ({ namespace, name }) => namespace === NS.assertion && (name === 'Assertion' || name === 'EncryptedAssertion'),
  );
  const [assertion] = assertions;
  if (!assertion || assertions.length > 1 || !response.children.includes(assertion)) {
    throw new SamlProblem('signature', `expected one assertion in its place, got ${assertions.length} in all`);
  }
  const isEncrypted = assertion.name === 'EncryptedAssertion';
  const isResponseSigned = checkSignatures(response, isEncrypted ? [response] : [response, assertion]);
  if (isEncrypted) checkEncryption(assertion);
  if (wanted === 'both' && !isResponseSigned) {
    throw new SamlProblem('signature', 'the response is not signed', {
      advice: 'was not signed: the provider has to sign both the response and the assertion',
    });
  }
  if (isEncrypted && !isResponseSigned) {
    // Decrypting what nobody has signed would answer questions about the key.
    throw new SamlProblem('signature', 'an encrypted assertion in a response that is not signed', {
      advice: 'was not signed: with encrypted assertions the provider has to sign the response too',
    });
  }
  if (!isEncrypted && childrenOf(assertion, NS.signature, 'Signature').length === 0) throw assertionNotSigned();
  return { isEncrypted, isResponseSigned };
}

export function assertionNotSigned(): SamlProblem {
  return new SamlProblem('signature', 'the assertion is not signed', {
    advice: 'was not signed: the provider has to sign the assertion',
  });
}

/** What the provider says of itself; not signed always, so it is only for the log. */
function checkStatus(response: XmlElement): void {
  const codes = [...allOf(response)].filter(
    ({ namespace, name }) => namespace === NS.protocol && name === 'StatusCode',
  );
  const [status] = childrenOf(response, NS.protocol, 'Status');
  const [code] = status ? childrenOf(status, NS.protocol, 'StatusCode') : [];
  if (code?.attributes.get('Value') === SUCCESS) return;
  const said = codes.map(({ attributes }) => attributes.get('Value')?.split(':').at(-1) ?? '?').join(', ');
  const message = status ? childrenOf(status, NS.protocol, 'StatusMessage')[0]?.text.trim().slice(0, 300) : undefined;
  throw new SamlProblem('refused', `the provider says ${said || 'nothing'}${message ? `: ${message}` : ''}`);
}

/** Says whether the first of `places` is signed; a signature anywhere else is refused. */
export function checkSignatures(root: XmlElement, places: readonly XmlElement[]): boolean {
  const found = [...allOf(root)].filter(({ namespace, name }) => namespace === NS.signature && name === 'Signature');
  const signed = places.map((place) => ({ place, signatures: childrenOf(place, NS.signature, 'Signature') }));
  if (
    signed.some(({ signatures }) => signatures.length > 1) ||
    signed.flatMap((one) => one.signatures).length !== found.length
  ) {
    throw new SamlProblem('signature', `${found.length} signatures, not each in its place`);
  }
  for (const { place, signatures } of signed) for (const signature of signatures) checkSignature(signature, place);
  return (signed[0]?.signatures.length ?? 0) > 0;
}

function checkSignature(signature: XmlElement, signedElement: XmlElement): void {
  const all = [...allOf(signature)].filter(({ namespace }) => namespace === NS.signature);
  const named = (name: string) => all.filter((one) => one.name === name);
  const [info, ...moreInfos] = named('SignedInfo');
  const [reference, ...moreReferences] = named('Reference');
  const isPlain = info && moreInfos.length === 0 && reference && moreReferences.length === 0;
  if (!isPlain || named('Object').length > 0 || !childrenOf(signature, NS.signature, 'SignedInfo').includes(info)) {
    throw new SamlProblem('signature', 'the signature has other parts than a signature of SAML has');
  }
  const id = signedElement.attributes.get('ID');
  if (!id || reference.attributes.get('URI') !== `#${id}`) {
    throw new SamlProblem('signature', `a signature of ${reference.attributes.get('URI')} stands in ${id}`);
  }
  for (const [name, allowed] of Object.entries(SIGNATURE_ALGORITHMS)) {
    for (const one of named(name)) mustBe(one, allowed);
  }
  for (const one of named('CanonicalizationMethod')) mustBe(one, [CANONICALIZATION]);
}

function checkEncryption(assertion: XmlElement): void {
  const all = [...allOf(assertion)].filter(({ namespace }) => namespace === NS.encryption);
  const methodsIn = (name: string) =>
    all.filter((one) => one.name === name).flatMap((one) => childrenOf(one, NS.encryption, 'EncryptionMethod'));
  const [contents, keys] = [methodsIn('EncryptedData'), methodsIn('EncryptedKey')];
  if (contents.length !== 1 || keys.length !== 1) {
    throw new SamlProblem('malformed', `${contents.length} encrypted parts with ${keys.length} keys`);
  }
  for (const one of contents) mustBe(one, CONTENT_ENCRYPTION);
  for (const one of keys) mustBe(one, KEY_ENCRYPTION);
}

function mustBe(method: XmlElement, allowed: readonly string[]): void {
  const algorithm = method.attributes.get('Algorithm') ?? 'nothing';
  if (!allowed.includes(algorithm)) throw new SamlProblem('algorithm', `${method.name} is ${algorithm}`);
}
