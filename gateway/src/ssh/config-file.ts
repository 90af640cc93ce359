/** Blocks for OpenSSH's configuration, so that `ssh NAME.easel` works for every tool that reads it. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { knownHostsFile, quoted, type SshTarget } from './arguments.ts';
import { certificatePaths } from './certificate-files.ts';
import { jumpKeysFile } from './known-hosts.ts';

/** In `~/.ssh`, beside the user's own file. */
const OWN_FILE = 'easel_config';
const INCLUDE = `Include ${OWN_FILE}`;

/**
 * The blocks of all environments, and before them one that runs `renew`, so that `ssh` finds a certificate that is good. Where
 * that fails, `ssh` goes on with the user's own keys.
 */
export function sshConfigText(
  url: string,
  targets: readonly SshTarget[],
  { configDir, renew }: { configDir: string; renew: readonly string[] },
): string {
  const blocks = targets.map((target) =>
    [
      `Host ${target.user}.easel`,
      `  HostName ${target.host}`,
      `  Port ${target.port}`,
      `  User ${target.user}`,
      ...hostKeyLines(target, configDir),
      '  ServerAliveInterval 30',
      '',
    ].join('\n'),
  );
  const certificate = certificateBlock(url, targets, { configDir, renew });
  return `# Environments of ${url}, written by \`easel ssh-config\`: \`ssh NAME.easel\`\n${certificate}${blocks.join('\n')}`;
}

function certificateBlock(
  url: string,
  targets: readonly SshTarget[],
  by: { configDir: string; renew: readonly string[] },
): string {
  if (targets.length === 0) return '';
  const { keyFile, certificateFile } = certificatePaths(by.configDir, url);
  const command = by.renew.map((word) => `'${word.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`).join(' ');
  return [
    `Match originalhost ${targets.map(({ user }) => `${user}.easel`).join(',')} exec "${command} >/dev/null 2>&1"`,
    `  IdentityFile ${quoted(keyFile)}`,
    `  CertificateFile ${quoted(certificateFile)}`,
    '',
    '',
  ].join('\n');
}

/** As for `easel ssh`: keys that the API names are the only ones that count. */
function hostKeyLines(target: SshTarget, configDir: string): string[] {
  if (target.hostKeys.length === 0) {
    return [
      `  UserKnownHostsFile ${quoted(knownHostsFile(configDir))} ~/.ssh/known_hosts`,
      '  StrictHostKeyChecking accept-new',
    ];
  }
  return [
    `  UserKnownHostsFile ${quoted(jumpKeysFile(configDir, target))}`,
    '  GlobalKnownHostsFile none',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
  ];
}

/**
 * Writes the blocks into a file of ours, and makes the user's own configuration include it. The line must stand before the
 * first `Host`, else it would belong to that. Gives the path of our file.
 */
export async function installSshConfig(home: string, text: string): Promise<string> {
  const folder = join(home, '.ssh');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replace(join(folder, OWN_FILE), text);
  const path = join(folder, 'config');
  const before = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return '';
    throw err;
  });
  const isIncluded = before.split('\n').some((line) => line.trim() === INCLUDE);
  if (!isIncluded) await replace(path, `${INCLUDE}\n${before === '' ? '' : `\n${before}`}`);
  return join(folder, OWN_FILE);
}

/** As a whole, so that nobody reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.easel-${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
