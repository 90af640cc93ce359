import { Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';

/**
 * Ties two streams: what one says the other hears, an end from one is an end for the other and nothing more, and when one
 * breaks the other is reset, so that half an answer never looks like a whole one. Resolves when both are over.
 */
export function tie(a: Duplex, b: Duplex): Promise<void> {
  a.pipe(b);
  b.pipe(a);
  return Promise.all([over(a, b), over(b, a)]).then(() => undefined);
}

function over(stream: Duplex, other: Duplex): Promise<void> {
  return new Promise((resolve) => {
    finished(stream, (err) => {
      if (err) reset(other, err);
      resolve();
    });
  });
}

/** A socket is reset (RST) rather than closed. */
export function reset(stream: Duplex, err?: Error): void {
  if (stream.destroyed) return;
  // Whoever breaks it has told why; nobody listens to it any more.
  stream.on('error', () => undefined);
  if (stream instanceof Socket) stream.resetAndDestroy();
  else stream.destroy(err);
}
