/**
 * What the SSH side offers: no NIST curves in the key exchange, no SHA-1, no CBC, no compression (its state can tell about
 * other data of the line). Strict key exchange (CVE-2023-48795) is the library's own. Fast ciphers first.
 */
import type { Algorithms } from 'ssh2';

export const algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes256-ctr',
    'aes128-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
} satisfies Algorithms;
