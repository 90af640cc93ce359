/** What an OpenID provider sends when somebody has signed out there. Source: OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6. */
import { type JWTVerifyGetKey, jwtVerify } from 'jose';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Longer than any clock is wrong, and than a provider tries again. */
const MAX_AGE_SECONDS = 300;
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

export interface LoggedOut {
  jti: string;
  subject: string | null;
  providerSession: string | null;
}

/** Throws when the token is not one, of this issuer, for this client, and of now. */
export async function parseLogoutToken(
  token: string,
  expected: { issuer: string; clientId: string; keys: JWTVerifyGetKey },
): Promise<LoggedOut> {
  const { issuer, clientId: audience, keys } = expected;
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    ...{ issuer, audience, algorithms: ALGORITHMS, maxTokenAge: MAX_AGE_SECONDS, clockTolerance: 30 },
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
  });
  const { typ } = protectedHeader;
  if (typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(typ)) throw new Error(`a token of type ${typ}`);
  // An ID token has one: it must not sign anybody out.
  if ('nonce' in payload) throw new Error('a logout token has no nonce');
  const { events, sid, sub, jti } = payload as Record<string, unknown>;
  const event = typeof events === 'object' && events !== null ? (events as Record<string, unknown>)[EVENT] : undefined;
  if (typeof event !== 'object' || event === null) throw new Error('the token tells of no logout');
  const subject = typeof sub === 'string' && sub !== '' ? sub : null;
  const providerSession = typeof sid === 'string' && sid !== '' ? sid : null;
  if (subject === null && providerSession === null) throw new Error('the token names neither a person nor a session');
  return { jti: String(jti), subject, providerSession };
}
