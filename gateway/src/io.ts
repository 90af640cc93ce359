/** What a run of the command has of the world outside; a test gives its own. */
import type { Readable, Writable } from 'node:stream';
import type { Env } from '@easel/kit/config';

/** A place for text: a terminal tells its width. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Io {
  readonly env: Env;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** Aborts at the first Ctrl-C or SIGTERM; the reason is an `Interrupted`. */
  readonly signal: AbortSignal;
}

/** Someone pressed Ctrl-C, or ended the process with a signal. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.name = 'Interrupted';
    this.signal = signal;
  }
}

/** The whole of a stream as text. Throws when there are more than `maxBytes`. */
export async function readAll(stream: Readable, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of stream) {
    const bytes = Buffer.from(part as Buffer | string);
    sizeBytes += bytes.length;
    if (sizeBytes > maxBytes) throw new Error(`expected at most ${maxBytes} bytes on the standard input`);
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}
