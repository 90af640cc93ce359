/** What a Docker daemon needs to know of the machine that it finds itself on. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { StorageDriver } from './arguments.ts';

const run = promisify(execFile);
const limits = { timeout: 10_000 };

function find(program: string, path: string): string | null {
  const isThere = (file: string) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return (
    path
      .split(delimiter)
      .map((folder) => join(folder, program))
      .find(isThere) ?? null
  );
}

/**
 * The best storage driver that works on this folder: layers by the kernel, by a program, or by whole copies. Found out by
 * trying, since what may be mounted where depends on the kernel, the file system and the privilege that we have.
 */
export async function storageDriverFor(dataRoot: string, path: string): Promise<StorageDriver> {
  if (await canOverlay(dataRoot)) return 'overlay2';
  if (existsSync('/dev/fuse') && find('fuse-overlayfs', path)) return 'fuse-overlayfs';
  return 'vfs';
}

async function canOverlay(dataRoot: string): Promise<boolean> {
  const dir = mkdtempSync(join(dataRoot, 'probe-'));
  try {
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(dir, name));
    for (const folder of [lower, upper, work, merged]) mkdirSync(folder!);
    await run(
      'mount',
      ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, merged!],
      limits,
    );
    await run('umount', [merged!], limits);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * A PATH on which `iptables` works: a kernel without nf_tables needs the legacy programs, which Debian has beside the others.
 * Source: iptables-nft(8), update-alternatives of Debian's iptables.
 */
export async function pathWithIptables(path: string): Promise<string> {
  const works = (program: string) =>
    run(program, ['--wait', '--table', 'nat', '--list-rules'], { ...limits, env: { PATH: path } }).then(
      () => true,
      () => false,
    );
  if (await works('iptables')) return path;
  if (!(await works('iptables-legacy'))) return path;
  const dir = mkdtempSync(join(tmpdir(), 'easel-iptables-'));
  for (const name of ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore']) {
    const legacy = find(name.replace('tables', 'tables-legacy'), path);
    if (legacy) symlinkSync(legacy, join(dir, name));
  }
  return `${dir}${delimiter}${path}`;
}

/** The largest packet on the way out of this container, when it is smaller than Docker assumes. Source: proc(5), /proc/net/route. */
export function smallMtu(routes = readFileSync('/proc/net/route', 'utf8'), readMtu = mtuOf): number | null {
  const device = routes
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
  if (!device) return null;
  const mtu = readMtu(device);
  return mtu !== null && mtu < usualMtu ? mtu : null;
}

const usualMtu = 1500;

function mtuOf(device: string): number | null {
  try {
    return Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) || null;
  } catch {
    return null;
  }
}
