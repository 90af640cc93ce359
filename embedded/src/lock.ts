/**
 * One supervisor per data folder. The lock is a listening socket in Linux's abstract namespace: the kernel gives it to one
 * process and takes it back when that process ends, however it ends, so that there is no stale lock to judge.
 * Source: unix(7), "abstract sockets".
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { StartProblem } from './problem.ts';

/** Throws StartProblem when another supervisor holds the folder. */
export async function lockDataFolder(dataDir: string): Promise<{ release(): Promise<void> }> {
  const holderFile = join(dataDir, 'supervisor.pid');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (err) => {
      const holder = readHolder(holderFile);
      reject(
        new StartProblem(
          `another Easel${holder ? ` (process ${holder})` : ''} uses ${dataDir}: stop it, or use --data and other ports for a second one.`,
          { cause: err },
        ),
      );
    });
    server.listen(`\0easel-${createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 32)}`, resolve);
  });
  writeFileSync(holderFile, `${process.pid}\n`);
  return {
    release: () =>
      new Promise((resolve) => {
        rmSync(holderFile, { force: true });
        server.close(() => resolve());
      }),
  };
}

function readHolder(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
