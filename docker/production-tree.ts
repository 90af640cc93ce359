/**
 * `node docker/production-tree.ts ROOM FOLDER`: copies what a room runs with into a folder: its sources and those of the rooms
 * that it imports, and the packages that the lock file says they need, as installed (and built) here. Runs inside `docker build`.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type LockedPackages, productionPackages } from './production-packages.ts';

/** What packages carry for people and compilers. */
const NOT_RUN = /\.(md|markdown|map|d\.[cm]?ts|flow|tsbuildinfo)$/i;
/** Of our own rooms: what is for other runs than this. */
const NOT_OURS = new Set(['node_modules', 'test', '.svelte-kit', 'compiled']);

const [room, into] = process.argv.slice(2);
if (!room || !into) throw new Error('usage: node docker/production-tree.ts ROOM FOLDER');

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: LockedPackages };
const { workspaces, installed } = productionPackages(lock.packages, room);

/** Symbolic links stay links, so that what is one file here is one file there. */
function copy(from: string, filter: (path: string) => boolean): void {
  cpSync(from, join(into!, from), { recursive: true, verbatimSymlinks: true, filter });
}

for (const path of installed.filter((path) => existsSync(path))) {
  // Packages of its own that it needs are on the list themselves.
  copy(path, (file) => basename(file) !== 'node_modules' && !(NOT_RUN.test(file) && !lstatSync(file).isDirectory()));
}
for (const path of workspaces) {
  // Of the pages only what was built.
  if (path === 'web') {
    copy('web/package.json', () => true);
    copy('web/build', () => true);
  } else copy(path, (file) => !NOT_OURS.has(basename(file)));
  const { name } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as { name: string };
  const link = join(into, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(into, path)), link);
}
cpSync('LICENSE', join(into, 'LICENSE'));
writeFileSync(join(into, 'package.json'), `${JSON.stringify({ private: true, type: 'module' })}\n`);
process.stdout.write(`${room}: ${workspaces.join(', ')} and ${installed.length} packages\n`);
