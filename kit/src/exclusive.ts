/**
 * A name that one process of this machine holds at a time. It is a listening socket in Linux's abstract namespace: the kernel
 * gives it to one process and takes it back when that process ends, however it ends, so there is no stale lock to judge.
 * Source: unix(7), "abstract sockets".
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

export interface Exclusive {
  release(): Promise<void>;
}

/** Gives the name to this process, or null when a running process holds it. Any text will do as a name. */
export async function holdExclusively(name: string): Promise<Exclusive | null> {
  const server = createServer((socket) => socket.destroy());
  const address = `\0easel-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw err;
  }
  // The lock alone keeps no process alive.
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
