/** What lies in the object store: one line of JSON for each line of a log. */
import { randomBytes } from 'node:crypto';
import type { EnvironmentId } from '@easel/schema/ids';
import { type LogLine, logLineSchema } from '@easel/schema/wire/worker';

/** Chunks are gathered up to this size, and small ones are put together up to it. */
export const CHUNK_BYTES = 262_144;

/** All objects of an environment's log. */
export function logPrefix(environmentId: EnvironmentId): string {
  return `logs/${environmentId}/`;
}

/**
 * A new name each time: if two replicas write the same chunk (a worker has moved from one to the other), the one whose row
 * is stored keeps its own bytes.
 */
export function newChunkKey(environmentId: EnvironmentId, generation: number, number: number): string {
  const name = `${String(number).padStart(7, '0')}-${randomBytes(6).toString('hex')}`;
  return `${logPrefix(environmentId)}${generation}/${name}.jsonl`;
}

export function encodeLine(line: LogLine): string {
  return `${JSON.stringify([line.at, line.source, line.stream, line.text])}\n`;
}

/** A line that cannot be read (written by another version) is passed over as an empty one: numbers must not shift. */
export function decodeChunk(body: Uint8Array): LogLine[] {
  const lines = new TextDecoder().decode(body).split('\n');
  lines.pop();
  return lines.map((text) => {
    try {
      const [at, source, stream, written] = JSON.parse(text);
      return logLineSchema.parse({ at, source, stream, text: written });
    } catch {
      return {
        at: new Date(0).toISOString(),
        source: 'worker',
        stream: 'system',
        text: '[a line that cannot be read]',
      };
    }
  });
}
