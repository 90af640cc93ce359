import type { Socket } from 'node:net';

/**
 * Reads the first line of a connection and puts back what came after it; the socket is left as if nothing had been read.
 * Rejects when the line is too long, late, or never ends.
 */
export function firstLine(socket: Socket, limits: { maxBytes: number; limitMs: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => finish(new Error('the first line came too late')), limits.limitMs);
    const onEnd = () => finish(new Error('the connection ended before its first line'));
    const finish = (err: Error | null, line = '') => {
      clearTimeout(timer);
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd);
      if (err) reject(err);
      else resolve(line);
    };
    const onReadable = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const end = seen.indexOf(10);
      if (end < 0 ? seen.length > limits.maxBytes : end > limits.maxBytes) {
        finish(new Error('the first line is too long'));
      } else if (end >= 0) {
        const rest = seen.subarray(end + 1);
        if (rest.length > 0) socket.unshift(rest);
        finish(null, seen.toString('utf8', 0, end));
      }
    };
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd);
  });
}

/** Calls back with each line. A line of more than `maxBytes` destroys the socket. */
export function eachLine(socket: Socket, maxBytes: number, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    if (rest.length > maxBytes || lines.some((line) => line.length > maxBytes)) {
      socket.destroy(new Error('a line is too long'));
      return;
    }
    for (const line of lines) onLine(line);
  });
}
