/**
 * A base image where none can be pulled: a minimal Debian of this machine's own release, from this machine's own package
 * sources, with what this machine knows of them (apt's and npm's configuration, certificate authorities), so that the steps of
 * the Dockerfile run in it as they do elsewhere. Nothing of it is in the sources: it is read off the machine.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const STAND_IN_BASE = 'easel-stand-in-base:1';

/** What apt, npm and TLS need here. */
const OF_THIS_MACHINE = [
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d',
  '/etc/apt/apt.conf.d',
  '/etc/apt/auth.conf.d',
  '/etc/apt/preferences.d',
  '/etc/apt/keyrings',
  '/usr/share/keyrings',
  '/usr/local/share/ca-certificates',
  '/root/.npmrc',
];
/** As in Debian's own slim images. */
const NOT_NEEDED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'];
const KEPT = ['/usr/share/doc/*/copyright'];

/** Makes it when it is not there. Needs root and debootstrap. */
export function makeStandInBase(): void {
  if (isThere()) return;
  if (process.getuid?.() !== 0) throw new Error('--make-base needs root: debootstrap makes the files of a system');
  const dir = mkdtempSync(join(tmpdir(), 'easel-base-'));
  try {
    const { suite, uri } = ownSource();
    process.stdout.write(`making a base image of ${suite} with debootstrap\n`);
    execFileSync('debootstrap', ['--variant=minbase', suite, dir, uri], { stdio: ['ignore', 'ignore', 'inherit'] });
    adopt(dir);
    slim(dir);
    const change = [
      '--change',
      'CMD ["bash"]',
      '--change',
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ];
    execFileSync(
      'sh',
      [
        '-c',
        'tar --directory "$0" --numeric-owner --create . | docker import "$@"',
        dir,
        ...change,
        '-',
        STAND_IN_BASE,
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function isThere(): boolean {
  try {
    execFileSync('docker', ['image', 'inspect', STAND_IN_BASE], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The release of this machine and where it takes its packages from. */
function ownSource(): { suite: string; uri: string } {
  const suite = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (!suite) throw new Error('--make-base needs a Debian: /etc/os-release names no VERSION_CODENAME');
  const format = ['--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'];
  const targets = execFileSync('apt-get', ['indextargets', ...format], { encoding: 'utf8' });
  const main = targets
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, release, component]) => release === suite && component === 'main');
  if (!main?.[0]) throw new Error(`--make-base: apt knows no source of ${suite}`);
  return { suite, uri: main[0] };
}

function adopt(dir: string): void {
  // What debootstrap has written: this machine may name the same sources in another file.
  rmSync(join(dir, 'etc/apt/sources.list'), { force: true });
  for (const path of OF_THIS_MACHINE.filter((path) => existsSync(path))) {
    const target = join(dir, path);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { recursive: true, verbatimSymlinks: true });
  }
}

function slim(dir: string): void {
  const rules = [...NOT_NEEDED.map((path) => `path-exclude ${path}`), ...KEPT.map((path) => `path-include ${path}`)];
  writeFileSync(join(dir, 'etc/dpkg/dpkg.cfg.d/slim'), `${rules.join('\n')}\n`);
  const script = `find usr/share/doc -type f ! -name copyright -delete
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* var/cache/apt/* var/lib/apt/lists/* var/log/*.log var/log/apt`;
  execFileSync('sh', ['-ec', script], { cwd: dir });
}
