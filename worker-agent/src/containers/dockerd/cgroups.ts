/**
 * Cgroups of a worker that is alone in a container: one for the Docker daemon, beside the one that the daemon makes for its
 * containers, so that what people run and what runs them are counted and limited apart.
 *
 * Version 2 lets a group hold either processes or groups with controllers: the worker moves down into a group of its own first.
 * Version 1 has no such rule. Where the groups may not be written to (no privilege) everything stays where it is.
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst "No Internal Process Constraint"; cgroups(7).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '@easel/kit/log';

const DAEMON = 'easel-dockerd';
const WORKER = 'easel-worker';
/** The controllers of version 1 that count or limit what matters here. */
const COUNTED = ['memory', 'cpu', 'cpuacct', 'blkio', 'pids'];

/** Makes the daemon's group. Gives the files that a process writes its number to, to be in it; none where there is no group. */
export function daemonCgroup(log: Log, root = '/sys/fs/cgroup'): string[] {
  try {
    return existsSync(join(root, 'cgroup.controllers')) ? unified(root) : separate(root);
  } catch (err) {
    log.info({ err }, 'the Docker daemon shares the cgroup of the worker');
    return [];
  }
}

function unified(root: string): string[] {
  // Seen from a group of somebody else's namespace the root is the machine's: not ours to change.
  if (!/^0::\/$/m.test(readFileSync('/proc/self/cgroup', 'utf8'))) return [];
  for (const name of [WORKER, DAEMON]) mkdirSync(join(root, name), { recursive: true });
  for (const pid of readFileSync(join(root, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      writeFileSync(join(root, WORKER, 'cgroup.procs'), pid);
    } catch {
      // Has ended since.
    }
  }
  const controllers = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ').filter(Boolean);
  writeFileSync(join(root, 'cgroup.subtree_control'), controllers.map((name) => `+${name}`).join(' '));
  return [join(root, DAEMON, 'cgroup.procs')];
}

function separate(root: string): string[] {
  return readdirSync(root)
    .filter((name) => COUNTED.includes(name) && existsSync(join(root, name, 'cgroup.procs')))
    .map((name) => {
      mkdirSync(join(root, name, DAEMON), { recursive: true });
      return join(root, name, DAEMON, 'cgroup.procs');
    });
}
