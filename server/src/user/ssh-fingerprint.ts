import { createHash } from 'node:crypto';

/**
 * The fingerprint as `ssh-keygen -l` writes it: `SHA256:…`. `blob` is the public key in SSH's wire format.
 * Source: OpenSSH, sshkey_fingerprint.
 */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
