/** A user with a key and OpenSSH, facing a stack. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Ran, type RunOptions, runProgram, type Stack } from './stack.ts';

export interface SshUser {
  readonly keyFile: string;
  readonly knownHosts: string;
  /** Options for ssh, scp and sftp, without the port. */
  readonly options: readonly string[];
  /** The same as one command for `rsync -e` and GIT_SSH_COMMAND, with the port. */
  readonly command: string;
  /** `ssh NAME@jump COMMAND`. */
  run(name: string, command: string, options?: RunOptions & { flags?: readonly string[] }): Promise<Ran>;
}

/** Makes a key pair, uploads its public half with the `easel` command, and remembers host keys in a file of its own. */
export async function sshUser(stack: Stack, keyName = 'key'): Promise<SshUser> {
  const user = sshStranger(stack, keyName);
  await stack.easelJson(['ssh-key', 'add', `${user.keyFile}.pub`]);
  return user;
}

/** The same with a key that the server has never seen. */
export function sshStranger(stack: Stack, keyName: string): SshUser {
  const keyFile = join(stack.scratchDir, keyName);
  const knownHosts = join(stack.scratchDir, 'known_hosts');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', keyName, '-f', keyFile]);
  const options = [
    ...['-F', 'none', '-i', keyFile],
    ...[
      'IdentitiesOnly=yes',
      'BatchMode=yes',
      `UserKnownHostsFile=${knownHosts}`,
      'StrictHostKeyChecking=accept-new',
    ].flatMap((option) => ['-o', option]),
    ...['-o', 'ConnectTimeout=20', '-o', 'LogLevel=ERROR'],
  ];
  return {
    keyFile,
    knownHosts,
    options,
    command: ['ssh', '-p', stack.sshPort, ...options].join(' '),
    run: (name, command, { flags = [], ...run } = {}) =>
      runProgram('ssh', ['-p', `${stack.sshPort}`, ...options, ...flags, `${name}@${stack.sshHost}`, command], run),
  };
}
