/**
 * Memory that bytes are read into. By itself Node.js makes a new 64 KiB for each read, and the collector then runs for the
 * sake of that memory alone: a fifth of the CPU of a busy relay. Here a busy leg reads into a buffer of its own as long as
 * its bytes leave at once, and idle legs share one.
 */

/** As much as libuv reads at a time. */
export const readBytes = 65_536;
/** Free buffers that are kept: 4 MiB. */
const maxFree = 64;

const free: Buffer[] = [];

/** Idle legs read into it. What is read must be copied before anybody else reads. */
export const sharedBuffer: Buffer = Buffer.allocUnsafeSlow(readBytes);

export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(readBytes);
}

/** Takes back a buffer that nobody reads or writes any more. */
export function giveBuffer(buffer: Buffer): void {
  if (free.length < maxFree) free.push(buffer);
}
