/**
 * Holds a file system frozen, from a process of its own: whoever writes to it stops until it is thawed, and that may be this
 * worker. It is thawed when we say so, when we die, or when the time is up. Source: fsfreeze(8), FIFREEZE of ioctl_fsfreeze.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

/** How long those who write may take to come to a stop. */
const freezeLimitMs = 30_000;
const thawLimitMs = 10_000;

/** `cat` ends with our end of the pipe. */
const SCRIPT =
  'fsfreeze --freeze "$1" || exit 1; echo frozen; timeout "$2" cat >/dev/null 2>&1; fsfreeze --unfreeze "$1"';

export interface Guard {
  /** Says whether the file system was frozen all the time and takes writes again. */
  thaw(): Promise<boolean>;
}

/** Null where it may not be frozen. */
export async function freezeFileSystem(dir: string, limitSeconds: number): Promise<Guard | null> {
  const child = spawn('sh', ['-c', SCRIPT, 'sh', dir, String(limitSeconds)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const exit = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  child.stdin.on('error', () => undefined);
  if (!(await saysFrozen(child))) {
    // Should it come to it yet, it is thawed at once.
    child.stdin.end();
    return null;
  }
  return {
    async thaw() {
      const isFrozen = child.exitCode === null;
      child.stdin.end();
      const code = await within(exit, thawLimitMs, null);
      return isFrozen && code === 0;
    },
  };
}

/** Ends what a worker that was killed has left. Not frozen is fine. */
export async function thawFileSystem(dir: string): Promise<void> {
  await promisify(execFile)('fsfreeze', ['--unfreeze', dir], { timeout: thawLimitMs }).catch(() => undefined);
}

function saysFrozen({ stdout }: ChildProcess): Promise<boolean> {
  const said = new Promise<boolean>((resolve) => {
    stdout?.once('data', () => resolve(true));
    stdout?.once('close', () => resolve(false));
  });
  return within(said, freezeLimitMs, false);
}

async function within<T>(work: Promise<T>, limitMs: number, otherwise: T): Promise<T> {
  const late = Promise.withResolvers<T>();
  const timer = setTimeout(() => late.resolve(otherwise), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
