/**
 * Tells the server the jump's public host keys, so that clients can check them instead of trusting whoever answers first.
 * Said again every minute, since the server may have a new platform for the same token; what it knows already costs nothing.
 */
import type { ApiClient } from '@easel/kit/api-client';
import { type LoopOptions, runLoop } from '@easel/kit/loop';
import type { HostKey } from 'ssh2/lib/protocol/Protocol.js';

const everyMs = 60_000;
const timeoutMs = 10_000;

const document = /* GraphQL */ `
  mutation JumpHeartbeat($input: JumpHeartbeatInput!) {
    jumpHeartbeat(input: $input)
  }
`;

/** Resolves when the signal aborts; never rejects. */
export function announceHostKeys(
  parts: Pick<LoopOptions, 'signal' | 'log' | 'clock'> & {
    api: Pick<ApiClient, 'query'>;
    hostKeys: Record<string, HostKey>;
  },
): Promise<void> {
  const { api, hostKeys, ...loop } = parts;
  const input = { sshHostKeys: publicKeysOf(hostKeys) };
  return runLoop({ ...loop, name: 'host keys', everyMs, immediately: true }, async () => {
    await api.query(document, { input }, { timeoutMs });
  });
}

/** `algorithm base64` of each key, as in known_hosts; a key that signs by several algorithms is one. */
export function publicKeysOf(hostKeys: Record<string, HostKey>): string[] {
  const keys = Object.values(hostKeys).map((key) => `${key.type} ${key.getPublicSSH().toString('base64')}`);
  return [...new Set(keys)];
}
