/** The arguments of the system's `ssh`. Pure. */
import { join } from 'node:path';
import { jumpKeysFile } from './known-hosts.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Of the host, each `algorithm base64`; none where the API names none. */
  readonly hostKeys: readonly string[];
}

export interface SshOptions {
  readonly identity?: string;
  readonly forwardAgent?: true;
  readonly tty?: true;
  readonly option?: readonly string[];
}

/**
 * Host keys that the API names are the only ones that count. Where it names none, new ones are kept in a file of ours; a
 * changed one is refused by `ssh` itself. `identityFile` is the one key that is offered, with the certificate that lies beside it.
 */
export function sshArguments(
  target: SshTarget,
  parts: { options: SshOptions; identityFile: string; configDir: string; home: string; command: readonly string[] },
): string[] {
  const { options, identityFile, command } = parts;
  return [
    ...['-i', identityFile, '-o', 'IdentitiesOnly=yes'],
    ...(options.forwardAgent ? ['-A'] : []),
    ...(options.tty ? ['-t'] : []),
    ...(options.option ?? []).flatMap((option) => ['-o', option]),
    ...hostKeyOptions(target, parts).flatMap((option) => ['-o', option]),
    ...['-o', 'ServerAliveInterval=30'],
    ...['-p', String(target.port)],
    ...['-l', target.user],
    '--',
    target.host,
    ...command,
  ];
}

function hostKeyOptions(target: SshTarget, { configDir, home }: { configDir: string; home: string }): string[] {
  if (target.hostKeys.length > 0) {
    const file = quoted(jumpKeysFile(configDir, target));
    return [
      `UserKnownHostsFile=${file}`,
      'GlobalKnownHostsFile=none',
      'StrictHostKeyChecking=yes',
      'UpdateHostKeys=no',
    ];
  }
  const files = [knownHostsFile(configDir), join(home, '.ssh', 'known_hosts')];
  return [`UserKnownHostsFile=${files.map(quoted).join(' ')}`, 'StrictHostKeyChecking=accept-new'];
}

export function knownHostsFile(configDir: string): string {
  return join(configDir, 'known_hosts');
}

/** Source: ssh_config(5), arguments in double quotes may contain blanks; "%" begins a token. */
export function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
