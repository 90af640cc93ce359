/** An environment's own SSH host key: made when it is created and the same for all its life. */
import type { EnvironmentId } from '@easel/schema/ids';
import ssh2 from 'ssh2';
import { fingerprintOf } from '../user/ssh-fingerprint.ts';

export interface HostKey {
  /** OpenSSH PEM. */
  privateKey: string;
  fingerprint: string;
}

export function newHostKey(): HostKey {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
  return { privateKey: pair.private, fingerprint: fingerprintOf(blob) };
}

/** What the sealed key is bound to. */
export function hostKeyPurpose(id: EnvironmentId): string {
  return `environments/${id}/ssh_host_key`;
}
