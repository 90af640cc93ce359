/** Two streams made one. No `pipeline`: that destroys both as soon as one way has ended. */
import type { Duplex } from 'node:stream';

/** How long the end that still talks may go on when nobody listens any more: cutting it at once could cost it its answer. */
const lingerMs = 1_000;

/** Connects two streams both ways. Each way ends by itself, all its bytes delivered; what breaks off on one side cuts the other. */
export function splice(a: Duplex, b: Duplex, onBytes?: { fromA?: () => void; fromB?: () => void }): void {
  if (onBytes?.fromA) a.on('data', onBytes.fromA);
  if (onBytes?.fromB) b.on('data', onBytes.fromB);
  a.on('error', () => a.destroy());
  b.on('error', () => b.destroy());
  a.pipe(b);
  b.pipe(a);
  a.once('close', () => follow(a, b));
  b.once('close', () => follow(b, a));
}

function follow(gone: Duplex, left: Duplex): void {
  if (left.destroyed) return;
  if (!gone.readableEnded) {
    left.destroy();
    return;
  }
  const linger = () => {
    left.unpipe(gone);
    left.resume();
    const timer = setTimeout(() => left.destroy(), lingerMs);
    left.once('end', () => left.destroy()).once('close', () => clearTimeout(timer));
  };
  if (left.writableFinished) linger();
  else left.once('finish', linger);
}
