/** `npm run images`: builds, labels, and on demand pushes or saves the images of Easel. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGES, type ImageName, labelsOf, referenceOf, repositoryOf, sourcePageOf } from './images.ts';
import { helpText, type Options, parseOptions } from './options.ts';
import { makeStandInBase, STAND_IN_BASE } from './stand-in-base.ts';

const checkout = join(import.meta.dirname, '..');

/** What a person can do something about; anything else is a bug and shows its stack. */
class Refusal extends Error {}

function docker(args: readonly string[]): void {
  const { status, error } = spawnSync('docker', args, { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw new Refusal(`docker cannot be run (${(error as NodeJS.ErrnoException).code}): is it installed?`);
  if (status !== 0) throw new Refusal(`docker ${args[0]} failed (exit ${status}): see what it printed above`);
}

/** What a command prints; null when it fails. */
function ask(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { cwd: checkout, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** With `-dirty` when the sources are not what was committed. Null outside of a Git checkout. */
function revision(): string | null {
  const commit = ask('git', ['rev-parse', 'HEAD']);
  if (commit === null) return null;
  return ask('git', ['status', '--porcelain', '--untracked-files=no']) === '' ? commit : `${commit}-dirty`;
}

function buildArguments(image: ImageName, options: Options, reference: string): string[] {
  const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as Record<string, string>;
  const base = options.isStandIn ? STAND_IN_BASE : options.base;
  const labels = labelsOf({
    version: options.tag ?? manifest.version ?? '',
    revision: revision(),
    source: options.source ?? sourcePageOf(ask('git', ['remote', 'get-url', 'origin']) ?? ''),
    license: manifest.license ?? '',
  });
  return [
    ...['build', '--file', 'docker/Dockerfile', '--target', repositoryOf(image), '--tag', reference],
    ...(base ? ['--build-arg', `BASE_IMAGE=${base}`] : []),
    ...(options.buildBase ? ['--build-arg', `BUILD_IMAGE=${options.buildBase}`] : []),
    ...(options.network ? ['--network', options.network] : []),
    ...Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    '.',
  ];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function build(options: Options): void {
  const { version = '' } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version?: string };
  const place = { registry: options.registry, tag: options.tag ?? version };
  if (options.isStandIn) makeStandInBase();
  if (options.saveDir) mkdirSync(options.saveDir, { recursive: true });
  const lines: string[] = [];
  for (const image of IMAGES.filter((name) => options.images.includes(name))) {
    const reference = referenceOf(image, place);
    const startedMs = Date.now();
    docker(buildArguments(image, options, reference));
    const bytes = Number(ask('docker', ['image', 'inspect', '--format', '{{.Size}}', reference]));
    if (options.isPushed) docker(['push', reference]);
    const file = options.saveDir && join(options.saveDir, `${repositoryOf(image)}.tar`);
    if (file) docker(['save', '--output', file, reference]);
    const saved = file ? `, ${file} (${megabytes(statSync(file).size)})` : '';
    lines.push(`${reference}: ${megabytes(bytes)} in ${((Date.now() - startedMs) / 1000).toFixed(0)} s${saved}`);
  }
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) build(options);
  else process.stdout.write(helpText);
} catch (err) {
  // Wrong arguments are a TypeError of node:util with a code.
  const isForPeople = err instanceof Refusal || (err as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (!isForPeople && !(err instanceof Error && err.constructor === Error)) throw err;
  process.stderr.write(`images: ${(err as Error).message}\n`);
  process.exitCode = 1;
}
