/** Whom a key, or a certificate, that a jump has checked belongs to; and what of it the server checks itself. */
import type { EnvironmentId } from '@easel/schema/ids';
import { isId } from '@easel/schema/ids';
import type { UserActor } from '../actor.ts';
import type { SshCaService } from '../ssh-ca/ssh-ca.service.ts';
import type { SshKeyService } from '../user/ssh-key.service.ts';

export interface SshCredential {
  publicKey: string | null;
  certificate: string | null;
  /** What a security key said with its signature. */
  isUserVerified: boolean | null;
  /** Null while nothing has been signed yet, and for connections that stand. */
  address: string | null;
}

/** Somebody whom this lets in. */
export interface Candidate {
  actor: UserActor;
  /** The only environment that it opens; null for all of the user's. */
  only: EnvironmentId | null;
  /** For the audit log. */
  details: Record<string, unknown>;
  markUsed(address: string): Promise<void>;
}

export interface SshCredentialsParts {
  sshKeys: SshKeyService;
  sshCa: SshCaService;
  /** The actor of a session or an API token by its id; null when it has ended. */
  credentials: Record<'session' | 'apiToken', (id: string) => Promise<UserActor | null>>;
}

/** Usually one; none for what is unknown or not good. */
export async function candidatesOf(parts: SshCredentialsParts, credential: SshCredential): Promise<Candidate[]> {
  return credential.certificate === null
    ? ofKey(parts.sshKeys, credential)
    : ofCertificate(parts, credential.certificate, credential.address);
}

async function ofKey(sshKeys: SshKeyService, { publicKey, isUserVerified, address }: SshCredential) {
  const owners = await sshKeys.ownersOf(publicKey ?? '');
  const isEnough = (key: { verifyRequired: boolean }) =>
    address === null || !key.verifyRequired || isUserVerified === true;
  return owners
    .filter(({ key }) => isEnough(key))
    .map(
      ({ key, actor }): Candidate => ({
        actor,
        only: null,
        details: {},
        markUsed: (from) => sshKeys.markUsed(key, from),
      }),
    );
}

/** The certificate's credential is asked anew: it must be good now, and still be that user's. */
async function ofCertificate(
  { sshCa, credentials }: SshCredentialsParts,
  text: string,
  address: string | null,
): Promise<Candidate[]> {
  const holder = await sshCa.holderOf(text, address);
  if (!holder) return [];
  const { certificateId, credentialId, environmentId, serial, userId } = holder;
  const actor = await credentials[isId('session', credentialId) ? 'session' : 'apiToken'](credentialId);
  if (actor?.userId !== userId) return [];
  return [{ actor, only: environmentId, details: { certificateId, serial }, markUsed: async () => undefined }];
}
