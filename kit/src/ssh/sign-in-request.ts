/**
 * A request to sign in (RFC 4252 §5, §7), as it comes from people's clients: read by the jump, and by the worker's SSH side,
 * whose library knows neither security keys nor certificates.
 *
 * A client first asks whether a key would do ("query", no signature) and then proves that it has it, by a signature over the
 * session's id and the request up to the key.
 */
import { type Certificate, certifiedType, readCertificate } from './certificate.ts';
import { type PublicKey, publicKeyText, readPublicKey } from './public-key.ts';
import { type Proof, proofOf, signsBy } from './signature.ts';
import { Reader, record } from './wire.ts';

export interface SignInRequest {
  login: string;
  service: string;
  method: string;
  /** Null for every other method than `publickey`. */
  offer: Offer | null;
}

export interface Offer {
  algorithm: string;
  blob: Buffer;
  /** Undefined for a query. */
  signature: Buffer | undefined;
  /** What the signature must cover, without the session's id. */
  signed: Buffer;
}

/** What an offer says it is: nothing of it is proven. */
export interface Offered {
  /** `type base64` of the key, or of the certificate. */
  text: string;
  key: PublicKey;
  /** Null for a mere key. */
  certificate: Certificate | null;
  signatureAlgorithm: string;
}

/** Throws WireError for a malformed one. */
export function readSignInRequest(payload: Buffer): SignInRequest {
  const fields = new Reader(payload);
  const request = { login: fields.text(), service: fields.text(), method: fields.text(), offer: null };
  if (request.method !== 'publickey') return request;
  const isProof = fields.boolean();
  const algorithm = fields.text();
  const blob = fields.string();
  const signed = payload.subarray(0, fields.position);
  return { ...request, offer: { algorithm, blob, signature: isProof ? fields.string() : undefined, signed } };
}

/** Null when the algorithm is unknown here or not one of this key, and for what is no key. */
export function readOffered({ algorithm, blob }: Pick<Offer, 'algorithm' | 'blob'>): Offered | null {
  const signatureAlgorithm = signatureAlgorithmOf(algorithm);
  const certificate = signatureAlgorithm === algorithm ? null : readCertificate(blob);
  const key = signatureAlgorithm === algorithm ? readPublicKey(blob) : certificate?.key;
  if (!key || !signsBy(key.type, signatureAlgorithm)) return null;
  return { text: publicKeyText(certificate?.type ?? key.type, blob), key, certificate, signatureAlgorithm };
}

/** Null without a signature, and for one that is not this key's over this session and this request. */
export function proofOfOffer(offer: Offer, offered: Offered, sessionId: Buffer): Proof | null {
  const { signature, signed } = offer;
  if (signature === undefined) return null;
  const data = Buffer.concat([record(sessionId), signed]);
  return proofOf({ algorithm: offered.signatureAlgorithm, key: offered.key, signature, data });
}

/** By which a key signs that is offered in a certificate (`rsa-sha2-512-cert-v01@…`); else the name itself. */
function signatureAlgorithmOf(algorithm: string): string {
  const rsa = /^(rsa-sha2-(?:256|512))-cert-v01@openssh\.com$/.exec(algorithm)?.[1];
  return rsa ?? certifiedType(algorithm) ?? algorithm;
}
