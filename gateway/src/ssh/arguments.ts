/** The arguments of the system's `ssh`. Pure. */
import { join } from 'node:path';
import type { Identities } from './identities.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export interface SshOptions {
  readonly identity?: string;
  readonly forwardAgent?: true;
  readonly tty?: true;
  readonly option?: readonly string[];
}

/**
 * New host keys are kept in a file of ours, and so is what is known of them; a changed one is refused by `ssh` itself. Only
 * keys that Easel knows are offered when there are such, since a server hears just a few before it hangs up.
 */
export function sshArguments(
  target: SshTarget,
  parts: { options: SshOptions; identities: Identities; configDir: string; home: string; command: readonly string[] },
): string[] {
  const { options, identities, command } = parts;
  const files = options.identity === undefined ? identities.files : [options.identity];
  // Keys that only the agent has are found among all that it has.
  const isExclusive = options.identity !== undefined || (files.length > 0 && !identities.isInAgent);
  return [
    ...files.flatMap((file) => ['-i', file]),
    ...(isExclusive ? ['-o', 'IdentitiesOnly=yes'] : []),
    ...(options.forwardAgent ? ['-A'] : []),
    ...(options.tty ? ['-t'] : []),
    ...(options.option ?? []).flatMap((option) => ['-o', option]),
    ...hostKeyOptions(parts).flatMap((option) => ['-o', option]),
    ...['-o', 'ServerAliveInterval=30'],
    ...['-p', String(target.port)],
    ...['-l', target.user],
    '--',
    target.host,
    ...command,
  ];
}

function hostKeyOptions({ configDir, home }: { configDir: string; home: string }): string[] {
  const files = [knownHostsFile(configDir), join(home, '.ssh', 'known_hosts')];
  return [`UserKnownHostsFile=${files.map(quoted).join(' ')}`, 'StrictHostKeyChecking=accept-new'];
}

export function knownHostsFile(configDir: string): string {
  return join(configDir, 'known_hosts');
}

/** Source: ssh_config(5), arguments in double quotes may contain blanks; "%" begins a token. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
