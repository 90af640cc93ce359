/**
 * What both sides of a jump offer: no NIST curves in the key exchange, no SHA-1, no CBC, no compression (its state can tell
 * about other data of the line), strict key exchange against truncation (CVE-2023-48795). No post-quantum key exchange:
 * ssh2 1.17 has none, and new OpenSSH clients say so.
 */
import kex, { type KexInit } from 'ssh2/lib/protocol/kex.js';

const macs = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'];
const curve = ['curve25519-sha256', 'curve25519-sha256@libssh.org'];

function offer(exchanges: string[], serverHostKey: string[], ciphers: string[]): KexInit {
  const direction = { cipher: ciphers, mac: macs, compress: ['none'], lang: [] };
  return new kex.KexInit({ kex: exchanges, serverHostKey, cs: direction, sc: direction });
}

/** To people's clients, which choose by their own order. */
export const clientFacingOffer = offer(
  [...curve, 'kex-strict-s-v00@openssh.com'],
  ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'],
  [
    'chacha20-poly1305@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-gcm@openssh.com',
    'aes256-ctr',
    'aes192-ctr',
    'aes128-ctr',
  ],
);

/** To workers, where the order is ours: the fastest cipher first. */
export const workerFacingOffer = offer(
  [...curve, 'ext-info-c', 'kex-strict-c-v00@openssh.com'],
  ['ssh-ed25519'],
  ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
);
