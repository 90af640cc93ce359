import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Context } from '../context.ts';
import { CommandError } from '../failure.ts';
import { Interrupted } from '../io.ts';
import { type SshOptions, sshArguments } from '../ssh/arguments.ts';
import { freshCertificate } from '../ssh/certificate-files.ts';
import { writeJumpKeys } from '../ssh/known-hosts.ts';
import { findRunning } from './open.ts';

/** Runs the system's `ssh` in place of this command: its streams are ours, its exit code is given. */
export async function ssh(
  context: Context,
  name: string,
  command: readonly string[],
  options: SshOptions,
): Promise<number> {
  const { config, io } = context;
  const api = await context.api();
  const [environment, identityFile] = await Promise.all([
    findRunning(api, name),
    options.identity ?? freshCertificate(api, config.configDir).then(({ keyFile }) => keyFile),
  ]);
  const { access } = environment;
  if (!access)
    throw new CommandError(
      'PLATFORM_UNAVAILABLE',
      `${environment.name} has no way in by SSH: its computing platform names no SSH host`,
    );
  await mkdir(config.configDir, { recursive: true, mode: 0o700 });
  const hostKeys = environment.platform?.sshHostKeys ?? [];
  const target = { host: access.sshHost, port: access.sshPort, user: access.sshUser, hostKeys };
  await writeJumpKeys(config.configDir, target);
  const { configDir, home } = config;
  context.close();
  return runSsh(sshArguments(target, { options, identityFile, configDir, home, command }), io);
}

function runSsh(args: readonly string[], { env, signal }: Context['io']): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', args, { stdio: 'inherit', env });
    const onAbort = () => {
      // Ctrl-C has reached it by itself: it sits in the same process group of the terminal.
      if (!(signal.reason instanceof Interrupted && signal.reason.signal === 'SIGINT')) child.kill('SIGTERM');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (err) => {
      reject(new CommandError('NOT_INSTALLED', `cannot run ssh: ${err.message}; install OpenSSH's client`, {}, err));
    });
    child.once('exit', (code, killedBy) => {
      signal.removeEventListener('abort', onAbort);
      resolve(code ?? 128 + (killedBy ? constants.signals[killedBy] : 0));
    });
  });
}
