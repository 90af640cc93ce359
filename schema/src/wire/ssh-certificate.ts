/**
 * SSH certificates of this installation, as far as server, jump and worker must agree: where the authorities' keys are
 * published, and what stands in a certificate's two texts.
 *
 * The key id says who holds it, and by which session or API token it was got: when that ends, the certificate is worth
 * nothing. The one principal says whose environments it opens: all of the user's (the user's id) or one (its id). Logins and
 * names stand in no principal: they may look like anything, also like somebody else's id.
 */
import { z } from 'zod';
import { type EnvironmentId, type Id, isId, type UserId } from '../ids.ts';

export const SSH_AUTHORITIES_PATH = '/.well-known/easel/ssh-authorities';

export const sshAuthoritiesSchema = z.object({
  /** `ssh-ed25519 base64` of each. */
  authorities: z.array(z.string().max(200)).max(20),
});

export interface CertificateHolder {
  certificateId: Id<'sshCertificate'>;
  userId: UserId;
  /** A session or an API token. */
  credentialId: Id<'session'> | Id<'apiToken'>;
  /** The only environment that it opens; null for all of the user's. */
  environmentId: EnvironmentId | null;
}

/** `login` is for people who read logs: nothing is decided by it. */
export function certificateTexts(holder: CertificateHolder, login: string): { keyId: string; principals: string[] } {
  const { certificateId, userId, credentialId, environmentId } = holder;
  const readable = login.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 100);
  return { keyId: [certificateId, userId, credentialId, readable].join(' '), principals: [environmentId ?? userId] };
}

/** Null for every other certificate. */
export function holderOf(texts: { keyId: string; principals: readonly string[] }): CertificateHolder | null {
  const [certificateId, userId, credentialId, , ...more] = texts.keyId.split(' ');
  const [principal, ...others] = texts.principals;
  if (more.length > 0 || others.length > 0) return null;
  if (!isId('sshCertificate', certificateId) || !isId('user', userId)) return null;
  if (!isId('session', credentialId) && !isId('apiToken', credentialId)) return null;
  if (principal === userId) return { certificateId, userId, credentialId, environmentId: null };
  return isId('environment', principal) ? { certificateId, userId, credentialId, environmentId: principal } : null;
}
