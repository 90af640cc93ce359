import { describe, expect, it } from 'vitest';
import { onTerminal, sttyWords } from './terminal-modes.ts';

const none = { characters: [], flags: [] };

describe('terminal modes', () => {
  it('are left alone where they are what a fresh terminal has', () => {
    expect(sttyWords({ ECHO: 1, ICANON: 1, VINTR: 3, VERASE: 127, ISTRIP: 0, IXANY: 0, VEOL: 255 })).toEqual(none);
  });

  it('become words for stty where they differ', () => {
    const modes = { ECHO: 0, IXANY: 1, ISTRIP: 1, VERASE: 8, VSUSP: 255, VKILL: 42, VEOF: 32 };
    expect(sttyWords(modes)).toEqual({
      characters: ['erase', '^H', 'kill', '42', 'eof', '32', 'susp', '^-'],
      flags: ['istrip', 'ixany', '-echo'],
    });
  });

  it('that are unknown or out of range are dropped: they come from the client', () => {
    expect(sttyWords({ VINTR: 300, VQUIT: -1, VKILL: 1.5, '; reboot': 1, TTY_OP_ISPEED: 9600 })).toEqual(none);
  });

  it('never reach the command’s own words', () => {
    const argv = onTerminal(['sh', '-c', 'echo "$1"'], '/dev/pts/7', { ECHO: 0 });
    expect(argv.slice(4)).toEqual(['/dev/pts/7', '', 'iutf8 -echo', 'sh', '-c', 'echo "$1"']);
  });
});
