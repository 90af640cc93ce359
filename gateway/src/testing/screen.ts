import { Writable } from 'node:stream';
import type { Screen } from '../io.ts';

/** A screen that remembers. */
export function aScreen(isTTY = false): Screen & { text(): string } {
  let text = '';
  const screen = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return Object.assign(screen, { isTTY, columns: 80, text: () => text });
}
