/** OpenSSH servers of this machine's own sshd, with keys and configuration in a folder of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { stopChild } from '../harness.ts';

export interface Sshd {
  pid: number;
  port: number;
  /** The host key in OpenSSH's form, without comment. */
  hostKey: string;
  stop(): Promise<void>;
}

/** Lets `publicKeyFile` in as the user who runs this. */
export async function startSshd(options: {
  folder: string;
  name: string;
  port: number;
  publicKeyFile: string;
}): Promise<Sshd> {
  const { folder, name, port } = options;
  const hostKeyFile = join(folder, `${name}_host_key`);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKeyFile]);
  // sshd insists on it when it is run by root.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const config = join(folder, `${name}.conf`);
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${options.publicKeyFile}`,
    `PidFile ${join(folder, `${name}.pid`)}`,
    'StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nUseDNS no',
    'MaxStartups 2000\nMaxSessions 2000\nLogLevel QUIET\nPrintMotd no',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', config], { stdio: ['ignore', 'inherit', 'inherit'] });
  await answering(port, child);
  const hostKey = execFileSync('ssh-keygen', ['-y', '-f', hostKeyFile], { encoding: 'utf8' })
    .split(' ')
    .slice(0, 2)
    .join(' ')
    .trim();
  return { pid: child.pid!, port, hostKey, stop: () => stopChild(child) };
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('data', () => socket.destroy());
    });
    if (isThere) return;
    if (child.exitCode !== null || attempt > 100) throw new Error(`sshd does not answer on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
