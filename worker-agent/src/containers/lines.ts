import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A line without an end is cut here. */
const maxLineLength = 16_000;

/**
 * Calls `tell` for each line of a stream. What a program overwrites on its line with a carriage return, as progress bars do,
 * is left out. Resolves when the stream has ended, however it ended.
 */
export function followLines(stream: Readable, tell: (text: string) => void): Promise<void> {
  const lines = lineSplitter(tell);
  stream.on('data', (chunk: Buffer) => lines.write(chunk));
  stream.on('error', () => undefined);
  // A socket that was handed over paused stays so until it is told otherwise.
  stream.resume();
  return new Promise((resolve) =>
    stream.once('close', () => {
      lines.end();
      resolve();
    }),
  );
}

export interface LineSplitter {
  write(chunk: Buffer): void;
  /** Tells what is left without a line end. */
  end(): void;
}

export function lineSplitter(tell: (text: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const cut = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    tell(text.slice(text.lastIndexOf('\r') + 1));
  };
  return {
    write(chunk) {
      rest += decoder.write(chunk);
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        cut(rest.slice(0, end));
        rest = rest.slice(end + 1);
      }
      while (rest.length > maxLineLength) {
        tell(rest.slice(0, maxLineLength));
        rest = rest.slice(maxLineLength);
      }
    },
    end() {
      rest += decoder.end();
      if (rest) cut(rest);
      rest = '';
    },
  };
}
