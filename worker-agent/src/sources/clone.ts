/**
 * Puts the sources into the home, once. The clone is made beside the home, given to the environment's user, and moved into
 * place whole: a stop or a failure in the middle leaves nothing. A clone that is there stays as it is, whatever the
 * template says by now: it holds somebody's work.
 */
import { lstatSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { Inhabitant, Runtime } from '../containers/runtime.ts';
import { Failed } from '../steps/failed.ts';
import type { Outcome, StepContext } from '../steps/runner.ts';
import type { Volume } from '../volume.ts';
import { cloneProgress, runGit } from './git.ts';
import { translateGitError } from './git-errors.ts';
import { cloneDirectory, gitAddress, shownUrl } from './git-url.ts';
import { reachHost } from './reach.ts';

export interface SourcesOptions {
  manifest: Pick<Manifest, 'sources' | 'projectRoot'>;
  volume: Volume;
  runtime: Pick<Runtime, 'kind' | 'handOver'>;
  inhabitant: Inhabitant;
  machineEnv: Readonly<Record<string, string>>;
}

/** The work of the step `sources`: resolves to the clone's folder in the home. Throws `Failed` (sources, disk_full). */
export async function provideSources(options: SourcesOptions, context: StepContext): Promise<Outcome<string>> {
  const { manifest, volume } = options;
  const mark = volume.read('sources');
  const directory = mark?.directory ?? cloneDirectory(manifest.sources.url);
  const target = join(volume.home, directory);
  if (mark ? mayExist(target) : mayExist(join(target, '.git'))) {
    if (!mark) await volume.write('sources', { directory });
    return { value: directory, text: `The clone in ~/${directory} is kept as it is.` };
  }
  if (!mark && mayExist(target)) {
    throw new Failed({
      class: 'sources',
      message: `The home of the image has a folder ${directory} already, where the clone belongs.`,
      advice: 'Use an image without that folder, or rename the repository; then retry.',
    });
  }
  const staging = join(volume.marksDir, 'clone');
  const remove = () => rm(staging, { recursive: true, force: true, maxRetries: 3 });
  await remove();
  context.undo.add('half a clone', async () => {
    await remove();
    return { isClean: true };
  });
  await clone(options, staging, context);
  requireProjectRoot(join(staging, directory), manifest.projectRoot);
  await options.runtime.handOver(join(staging, directory), directory);
  await volume.write('sources', { directory });
  await remove();
  return { value: directory, text: `Cloned ${shownUrl(manifest.sources.url)} into ~/${directory}.` };
}

async function clone(options: SourcesOptions, staging: string, context: StepContext): Promise<void> {
  const { manifest, volume, machineEnv } = options;
  const { url, branch } = manifest.sources;
  const access = await checkAddress(options, context.signal);
  // Git makes the folder in this one; its name is the clone's.
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  const configFile = join(staging, 'gitconfig');
  writeFileSync(configFile, access.kind === 'folder' ? trusting(access.path) : '');
  const branchArgs = branch === null ? [] : ['--branch', branch];
  const pinned = access.kind === 'pinned' ? ['-c', `http.curloptResolve=${access.address}`] : [];
  const args = [...pinned, 'clone', '--progress', '--template=', ...branchArgs, '--', url, cloneDirectoryOf(options)];
  context.line(`git clone ${branch === null ? '' : `--branch ${branch} `}${shownUrl(url)}`);
  const run = await runGit(args, {
    cwd: staging,
    configFile,
    machineEnv,
    signal: context.signal,
    onLine: (line) => {
      const progress = cloneProgress(line);
      if (progress) context.progress(progress.fraction, progress.text);
      else context.line(shownText(line, url), 'stderr');
    },
  });
  if (run.exitCode === 0) return;
  if (volume.isFull()) throw new Failed(translateGitError('no space left on device', shownUrl(url), branch));
  if (run.signal) throw new Failed({ class: 'sources', message: `git was ended by ${run.signal}.` });
  throw new Failed(translateGitError(run.said, shownUrl(url), branch));
}

function cloneDirectoryOf(options: SourcesOptions): string {
  return options.volume.read('sources')?.directory ?? cloneDirectory(options.manifest.sources.url);
}

/** How git is let at the repository. `pinned`: at the addresses that were looked at, whatever the name leads to by then. */
type Access = { kind: 'folder'; path: string } | { kind: 'pinned'; address: string } | { kind: 'plain' };

/** Throws `Failed` (sources) for an address that cannot be cloned from. */
async function checkAddress(options: SourcesOptions, signal: AbortSignal): Promise<Access> {
  const { url } = options.manifest.sources;
  const address = gitAddress(url);
  if (!address) throw new Failed({ class: 'sources', message: `${shownUrl(url)} is not the URL of a Git repository.` });
  if (address.kind === 'file') return { kind: 'folder', path: checkFolder(address.path, url, options.volume) };
  const isProxied = Object.keys(options.machineEnv).some((name) => /^(https?|all)_proxy$/i.test(name));
  if (isProxied && !address.isSsh) return { kind: 'plain' };
  const { host, port } = address;
  const addresses = await reachHost(host, port, signal);
  if (address.isSsh || isIP(host)) return { kind: 'plain' };
  const shown = addresses.map((one) => (isIP(one) === 6 ? `[${one}]` : one));
  return { kind: 'pinned', address: `${host}:${port}:${shown.join(',')}` };
}

/**
 * A repository on this machine: one that everybody may read, so that an agent that runs as root shows nobody what is not
 * theirs, and that does not lie on the volume of an environment.
 */
function checkFolder(path: string, url: string, volume: Volume): string {
  let real: string;
  try {
    real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw new Error('not a folder');
  } catch (err) {
    const message = `There is no Git repository at ${url}.`;
    throw new Failed({ class: 'sources', message, advice: 'Check the repository URL; then retry.' }, err);
  }
  if (real.startsWith(`${dirname(realpathSync(volume.dir))}/`)) {
    throw new Failed({ class: 'sources', message: `${url} lies on the disk of an environment.` });
  }
  if (process.getuid?.() === 0 && !mayEverybodyRead(real)) {
    throw new Failed({
      class: 'sources',
      message: `The repository ${url} cannot be read by everybody on this machine.`,
      advice: 'Let everybody read the repository (chmod -R o+rX) and enter the folders above it; then retry.',
    });
  }
  return real;
}

function mayEverybodyRead(path: string): boolean {
  if ((statSync(path).mode & 0o005) !== 0o005) return false;
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}

/** True also where the agent may not look: then somebody's work may be there. */
function mayExist(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (err) {
    return !['ENOENT', 'ENOTDIR'].includes((err as NodeJS.ErrnoException).code ?? '');
  }
}

function requireProjectRoot(clone: string, projectRoot: string): void {
  if (projectRoot === '') return;
  try {
    const real = realpathSync(join(clone, projectRoot));
    if (statSync(real).isDirectory() && `${real}/`.startsWith(`${realpathSync(clone)}/`)) return;
  } catch {
    // Not there: said below.
  }
  rmSync(clone, { recursive: true, force: true });
  throw new Failed({
    class: 'sources',
    message: `The repository has no folder ${projectRoot}, which the template names as the project's root.`,
    advice: "Correct the project's root in the template; then retry.",
  });
}

/** Git's configuration that lets this one repository belong to somebody else. Source: git-config(1), safe.directory. */
function trusting(path: string): string {
  return ['[safe]', ...[path, join(path, '.git')].map((folder) => `\tdirectory = ${JSON.stringify(folder)}`), ''].join(
    '\n',
  );
}

function shownText(line: string, url: string): string {
  return line.replaceAll(url, shownUrl(url));
}
