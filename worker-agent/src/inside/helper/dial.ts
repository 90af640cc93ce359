import { connect, type Socket } from 'node:net';
import type { ConnectionLine } from '../messages.ts';

/** A connection to the agent; see `../messages.ts`. */
export type Dial = (line: Omit<ConnectionLine, 'secret'>) => Promise<Socket>;

/**
 * Gives what dials the agent's socket. The connection comes paused and not a byte of it read, so that its descriptor can be
 * given away whole to a child process.
 */
export function dialer(socketPath: string, secret: string): Dial {
  return (line) =>
    new Promise((resolve, reject) => {
      const socket = connect({ path: socketPath, allowHalfOpen: true });
      socket.pause();
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.write(`${JSON.stringify({ ...line, secret })}\n`, (err) => {
          if (err) return reject(err);
          socket.removeListener('error', reject);
          socket.on('error', () => socket.destroy());
          resolve(socket);
        });
      });
    });
}
