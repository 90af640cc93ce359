/**
 * What the sample image is made of: programs of this machine with the libraries they need, at the places where they lie here.
 * Nothing is downloaded. Programs that this machine does not have are left out.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { programClosure } from '@easel/kit/program-closure';
import type { TarEntry } from './tar.ts';

const programNames = [
  ...[
    'bash',
    'sh',
    'basename',
    'base64',
    'cat',
    'chgrp',
    'chmod',
    'chown',
    'cksum',
    'comm',
    'cp',
    'cut',
    'date',
    'dd',
    'df',
  ],
  ...[
    'dirname',
    'du',
    'echo',
    'env',
    'expand',
    'expr',
    'false',
    'fmt',
    'fold',
    'groups',
    'head',
    'hostname',
    'id',
    'install',
  ],
  ...[
    'join',
    'ln',
    'logname',
    'ls',
    'md5sum',
    'mkdir',
    'mkfifo',
    'mknod',
    'mktemp',
    'mv',
    'nice',
    'nl',
    'nohup',
    'nproc',
  ],
  ...[
    'numfmt',
    'od',
    'paste',
    'pathchk',
    'pr',
    'printenv',
    'printf',
    'pwd',
    'readlink',
    'realpath',
    'rm',
    'rmdir',
    'seq',
  ],
  ...[
    'sha1sum',
    'sha256sum',
    'sha512sum',
    'shuf',
    'sleep',
    'sort',
    'split',
    'stat',
    'stdbuf',
    'stty',
    'sum',
    'sync',
    'tac',
  ],
  ...[
    'tail',
    'tee',
    'test',
    'timeout',
    'touch',
    'tr',
    'true',
    'truncate',
    'tsort',
    'tty',
    'uname',
    'uniq',
    'unlink',
    'uptime',
  ],
  ...[
    'wc',
    'whoami',
    'xargs',
    'yes',
    '[',
    'grep',
    'egrep',
    'fgrep',
    'sed',
    'awk',
    'find',
    'tar',
    'gzip',
    'gunzip',
    'zcat',
    'bzip2',
  ],
  ...[
    'xz',
    'ps',
    'top',
    'kill',
    'pgrep',
    'pkill',
    'free',
    'diff',
    'cmp',
    'patch',
    'less',
    'more',
    'vi',
    'nano',
    'clear',
    'tput',
  ],
  ...[
    'which',
    'setsid',
    'script',
    'flock',
    'getopt',
    'ssh',
    'ssh-keygen',
    'scp',
    'sftp',
    'rsync',
    'curl',
    'wget',
    'make',
    'jq',
  ],
];
const searchPath = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
/** On most machines these are links into /usr; programs and loaders are named through them. */
const topFolders = ['bin', 'sbin', 'lib', 'lib64'];
const terminals = [
  'x/xterm',
  'x/xterm-256color',
  's/screen',
  's/screen-256color',
  't/tmux-256color',
  'v/vt100',
  'l/linux',
];
const terminalFolders = ['/usr/share/terminfo', '/lib/terminfo', '/etc/terminfo'];
/** Copied as they are where they exist. */
const dataFiles = ['/etc/ld.so.cache', '/etc/ssl/certs/ca-certificates.crt', '/etc/services', '/etc/protocols'];

export const imageUser = { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev' } as const;

/** All entries of the image's file system. `node` is the Node.js to put into it. */
export async function imageEntries(node: string): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  const add = (entry: TarEntry) => void (entries.has(entry.path) || entries.set(entry.path, entry));
  for (const entry of skeleton()) add(entry);
  const binaries = addPrograms(add);
  for (const one of addGit(add)) binaries.add(one);
  add({ type: 'file', path: '/usr/local/bin/node', mode: 0o755, source: realpathSync(node) });
  binaries.add(realpathSync(node));
  const { loader, files } = await programClosure([...binaries]);
  const libraries = files.map(({ path }) => path).concat(loader ?? []);
  for (const path of libraries) add({ type: 'file', path: inRealFolder(path), mode: 0o755, source: path });
  for (const path of dataFiles) if (existsSync(path)) add({ type: 'file', path, mode: 0o644, source: path });
  for (const path of terminalFiles()) add({ type: 'file', path: inRealFolder(path), mode: 0o644, source: path });
  return withFolders([...entries.values()]);
}

function addPrograms(add: (entry: TarEntry) => void): Set<string> {
  const binaries = new Set<string>();
  for (const name of programNames) {
    const path = searchPath.map((folder) => join(folder, name)).find((one) => existsSync(one));
    if (!path) continue;
    const real = realpathSync(path);
    const kind = kindOf(real);
    if (kind === 'other') continue;
    if (kind === 'elf') binaries.add(real);
    add({ type: 'file', path: real, mode: 0o755, source: real });
    // `awk` may be `mawk`, `vi` may be `vim.tiny`: a link by the name that people type.
    if (basename(real) !== name || dirname(real) !== '/usr/bin') {
      add({ type: 'link', path: `/usr/bin/${name}`, mode: 0o777, target: real });
    }
  }
  return binaries;
}

/** Git is one program and a folder of helpers, most of which are that program again. */
function addGit(add: (entry: TarEntry) => void): Set<string> {
  const binaries = new Set<string>();
  const git = searchPath.map((folder) => join(folder, 'git')).find((path) => existsSync(path));
  if (!git) return binaries;
  const main = realpathSync(git);
  binaries.add(main);
  add({ type: 'file', path: '/usr/bin/git', mode: 0o755, source: main });
  const helpers = execFileSync(git, ['--exec-path'], { encoding: 'utf8' }).trim();
  for (const name of readdirSync(helpers)) {
    const path = join(helpers, name);
    const real = realpathSync(path);
    if (!statSync(real).isFile()) continue;
    if (isSameFile(real, main)) {
      add({ type: 'link', path, mode: 0o777, target: '/usr/bin/git' });
      continue;
    }
    const kind = kindOf(real);
    if (kind === 'other') continue;
    if (kind === 'elf') binaries.add(real);
    add({ type: 'file', path: real, mode: 0o755, source: real });
    if (real !== path) add({ type: 'link', path, mode: 0o777, target: real });
  }
  add({ type: 'folder', path: '/usr/share/git-core/templates', mode: 0o755 });
  return binaries;
}

/** A program of this machine, a shell script, or something that needs what the image does not have (Perl, Python). */
function kindOf(path: string): 'elf' | 'script' | 'other' {
  const start = Buffer.alloc(32);
  const fd = openSync(path, 'r');
  readSync(fd, start, 0, start.length, 0);
  closeSync(fd);
  if (start.readUInt32BE(0) === 0x7f454c46) return 'elf';
  return /^#! ?\/(usr\/)?bin\/(sh|bash)\b/.test(start.toString('latin1')) ? 'script' : 'other';
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [statSync(a), statSync(b)];
  return one.ino === other.ino && one.dev === other.dev;
}

/** The path with its folder's links resolved: the image has the same links. */
function inRealFolder(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}

function terminalFiles(): string[] {
  return terminals.flatMap((name) => {
    const path = terminalFolders.map((folder) => join(folder, name)).find((one) => existsSync(one));
    return path ? [path] : [];
  });
}

function skeleton(): TarEntry[] {
  const { name, uid, gid, home } = imageUser;
  const owner = { uid, gid };
  const text = (path: string, content: string): TarEntry => ({ type: 'text', path, mode: 0o644, text: content });
  const prompt = "PS1='\\u@\\h:\\w\\$ '\nalias ls='ls --color=auto' ll='ls -l' grep='grep --color=auto'\n";
  return [
    ...topFolders.flatMap((folder): TarEntry[] => {
      const stat = lstatSync(`/${folder}`, { throwIfNoEntry: false });
      const isLink = stat?.isSymbolicLink() ?? false;
      return isLink ? [{ type: 'link', path: `/${folder}`, mode: 0o777, target: readlinkSync(`/${folder}`) }] : [];
    }),
    ...['/etc', '/usr/bin', '/usr/local/bin', '/opt', '/run', '/dev', '/proc', '/sys'].map(
      (path): TarEntry => ({ type: 'folder', path, mode: 0o755 }),
    ),
    { type: 'folder', path: '/root', mode: 0o700 },
    { type: 'folder', path: '/tmp', mode: 0o1777 },
    { type: 'folder', path: '/var/tmp', mode: 0o1777 },
    { type: 'folder', path: home, mode: 0o755, owner },
    text('/etc/passwd', `root:x:0:0:root:/root:/bin/bash\n${name}:x:${uid}:${gid}:${name}:${home}:/bin/bash\n`),
    text('/etc/group', `root:x:0:\n${name}:x:${gid}:\n`),
    text('/etc/shells', '/bin/sh\n/bin/bash\n'),
    text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n'),
    text('/etc/os-release', 'ID=easel-sample\nNAME="Easel sample"\nPRETTY_NAME="Easel sample"\n'),
    text('/etc/profile', 'export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\n'),
    { ...text(`${home}/.profile`, '[ -n "$BASH_VERSION" ] && [ -f ~/.bashrc ] && . ~/.bashrc\n'), owner },
    { ...text(`${home}/.bashrc`, prompt), owner },
  ];
}

/** Folders come before what is in them, each once. */
function withFolders(entries: TarEntry[]): TarEntry[] {
  const known = new Set(entries.map(({ path }) => path));
  const missing = new Set<string>();
  for (const { path } of entries) {
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) {
      if (!known.has(folder)) missing.add(folder);
    }
  }
  const folders = [...missing].map((path): TarEntry => ({ type: 'folder', path, mode: 0o755 }));
  const depth = (entry: TarEntry) => entry.path.split('/').length;
  return [...folders, ...entries].sort((a, b) => depth(a) - depth(b) || (a.path < b.path ? -1 : 1));
}
