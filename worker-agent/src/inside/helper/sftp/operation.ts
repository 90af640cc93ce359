import type { Handles } from './handles.ts';
import type { Reader, Writer } from './packet.ts';

export interface Context {
  handles: Handles;
  nowMs: () => number;
}

/** A status, or the answer's packet. */
export type Outcome = { code: number; message: string } | Writer;

/** Does a request whose type and id have been read. Throws an error of the file system, or a `Refusal`. */
export type Operation = (request: Reader, id: number, context: Context) => Promise<Outcome>;
