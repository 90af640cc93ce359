/** What the clone holds that a remote does not: asked of git inside, as the environment's own user. */
import type { GitStatus } from '@easel/schema/wire/worker';
import type { Inside } from '../inside/client.ts';

const limitMs = 20_000;
/** A repository with more changed files than this many bytes name is counted up to here. */
const maxOutputBytes = 4 * 1024 * 1024;

/** Does not take locks that somebody's own git could stumble over. */
const ENV = { GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };

/** Empty where there is no repository, or no git inside. */
export async function gitStatus(inside: Inside, path: string): Promise<GitStatus[]> {
  const status = await git(inside, path, ['status', '--porcelain=v2', '--branch', '--ignore-submodules=dirty']);
  if (status === null) return [];
  const parsed = parseStatus(status);
  return [{ path, ...parsed, unpushed: parsed.commit === null ? null : await countUnpushed(inside, path) }];
}

/** Source: git-status(1), "Porcelain Format Version 2". */
export function parseStatus(text: string): Pick<GitStatus, 'branch' | 'commit' | 'uncommitted'> {
  const header = (name: string) => new RegExp(`^# branch\\.${name} (.*)$`, 'm').exec(text)?.[1];
  const branch = header('head');
  const commit = header('oid');
  return {
    branch: branch === undefined || branch === '(detached)' ? null : branch.slice(0, 300),
    commit: commit === undefined || commit === '(initial)' ? null : commit.slice(0, 64),
    uncommitted: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
  };
}

/** Commits of all local branches and of what is checked out that no remote has; null without a remote to compare with. */
async function countUnpushed(inside: Inside, path: string): Promise<number | null> {
  const remotes = await git(inside, path, ['remote']);
  if (!remotes?.trim()) return null;
  const count = await git(inside, path, ['rev-list', '--count', 'HEAD', '--branches', '--not', '--remotes']);
  return count === null || !/^\d+\s*$/.test(count) ? null : Number(count);
}

/** What git writes to standard output, or null when it does not end well. */
async function git(inside: Inside, path: string, args: string[]): Promise<string | null> {
  const child = await inside.spawn({ argv: ['git', '-C', path, ...args], cwd: path, env: ENV });
  const timer = setTimeout(() => child.signal('KILL'), limitMs);
  try {
    child.stdin.on('error', () => undefined);
    child.stdin.end();
    child.stderr?.resume();
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
      if (text.length < maxOutputBytes) text += part;
    });
    const closed = new Promise((resolve) => child.stdout.once('close', resolve));
    child.stdout.on('error', () => undefined);
    child.stdout.resume();
    const { code } = await child.exit;
    await closed;
    return code === 0 ? text : null;
  } finally {
    clearTimeout(timer);
  }
}
