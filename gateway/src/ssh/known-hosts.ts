/**
 * Host keys that the API names: kept in files of ours, one for each jump, written anew each time. With them `ssh` asks
 * nobody and believes nobody else, also at the first connection.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Jump {
  readonly host: string;
  readonly port: number;
  /** Each `algorithm base64`; none where the API names none. */
  readonly hostKeys: readonly string[];
}

/** In the configuration folder of the command. */
export function jumpKeysFile(configDir: string, { host, port }: Jump): string {
  return join(configDir, 'host-keys', `${host.replaceAll(/[^A-Za-z0-9.-]/g, '_')}_${port}`);
}

/** Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export function knownHostsText({ host, port, hostKeys }: Jump): string {
  const name = port === 22 ? host : `[${host}]:${port}`;
  return hostKeys.map((key) => `${name} ${key}\n`).join('');
}

/** Does nothing for a jump without known keys. */
export async function writeJumpKeys(configDir: string, jump: Jump): Promise<void> {
  if (jump.hostKeys.length === 0) return;
  const path = jumpKeysFile(configDir, jump);
  await mkdir(join(configDir, 'host-keys'), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, knownHostsText(jump), { mode: 0o600 });
  await rename(draft, path);
}
