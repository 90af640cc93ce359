/**
 * Programs of this machine that go into the pack, so that rsync and `git clone` over SSH work into an image that has
 * neither. A program that this machine does not have is left out.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PACK } from './layout.ts';

export interface PackedProgram {
  name: string;
  /** ELF files, by their name in `programs`. */
  binaries: Record<string, string>;
  /** Other files to copy, by their path in the pack. */
  files: Record<string, string>;
  /** Scripts for /bin/sh, by their path in the pack. `$pack` is the pack's folder. */
  scripts: Record<string, string>;
}

const run = promisify(execFile);

export async function findPrograms(): Promise<PackedProgram[]> {
  const found = [simple('rsync'), simple('stty'), await git(), scp()];
  return found.filter((program) => program !== null);
}

function which(name: string): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/bin', '/bin');
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A script that lies in a folder of the pack. */
function script(body: string): string {
  return `#!/bin/sh\npack=\${0%/*}/..\n${body}\n`;
}

function loaded(binary: string): string {
  return `exec "$pack/${PACK.loader}" --library-path "$pack/${PACK.libraries}" "$pack/${PACK.programs}/${binary}" "$@"`;
}

function simple(name: string): PackedProgram | null {
  const path = which(name);
  if (!path) return null;
  return { name, binaries: { [name]: path }, files: {}, scripts: { [`${PACK.bin}/${name}`]: script(loaded(name)) } };
}

/** The helper speaks the old protocol of scp itself. */
function scp(): PackedProgram {
  const body = `exec "$pack/${PACK.loader}" --library-path "$pack/${PACK.libraries}" "$pack/${PACK.node}" --no-warnings "$pack/${PACK.helper}" scp "$@"`;
  return {
    name: 'scp',
    binaries: {},
    files: {},
    scripts: { [`${PACK.bin}/scp`]: script(`unset NODE_OPTIONS\n${body}`) },
  };
}

const gitCore = 'git-core';
/** What the other side of a clone, fetch or push calls, and what git calls by itself. */
const gitServices = ['git-upload-pack', 'git-receive-pack', 'git-upload-archive'];
const gitShellParts = ['git-sh-setup', 'git-sh-i18n', 'git-submodule'];
const caBundle = '/etc/ssl/certs/ca-certificates.crt';

async function git(): Promise<PackedProgram | null> {
  const path = which('git');
  if (!path) return null;
  const { stdout } = await run(path, ['--exec-path'], { encoding: 'utf8' });
  const core = stdout.trim();
  const binaries: Record<string, string> = { git: path };
  const files: Record<string, string> = {};
  const scripts: Record<string, string> = {
    [`${PACK.bin}/git`]: script(
      [
        `export GIT_EXEC_PATH="$pack/${gitCore}" GIT_TEMPLATE_DIR="$pack/${gitCore}/templates"`,
        `[ -e ${caBundle} ] || [ ! -e "$pack/ca.crt" ] || export GIT_SSL_CAINFO="\${GIT_SSL_CAINFO:-$pack/ca.crt}"`,
        loaded('git'),
      ].join('\n'),
    ),
    [`${gitCore}/git`]: script(`exec "$pack/${PACK.bin}/git" "$@"`),
  };
  for (const service of gitServices) {
    const body = script(`exec "$pack/${PACK.bin}/git" ${service.slice('git-'.length)} "$@"`);
    scripts[`${PACK.bin}/${service}`] = body;
    scripts[`${gitCore}/${service}`] = body;
  }
  if (isExecutable(join(core, 'git-remote-http'))) {
    binaries['git-remote-http'] = join(core, 'git-remote-http');
    for (const name of ['git-remote-http', 'git-remote-https'])
      scripts[`${gitCore}/${name}`] = script(loaded('git-remote-http'));
    if (existsSync(caBundle)) files['ca.crt'] = caBundle;
  }
  for (const name of gitShellParts) if (existsSync(join(core, name))) files[`${gitCore}/${name}`] = join(core, name);
  return { name: 'git', binaries, files, scripts };
}
