import { describe, expect, it } from 'vitest';
import { onTerminal, sttyArguments } from './terminal-modes.ts';

describe('terminal modes', () => {
  it('are left alone where they are what a fresh terminal has', () => {
    expect(sttyArguments({ ECHO: 1, ICANON: 1, VINTR: 3, VERASE: 127, ISTRIP: 0, IXANY: 0, VEOL: 255 })).toEqual([]);
  });

  it('become arguments of stty where they differ', () => {
    expect(sttyArguments({ ECHO: 0, IXANY: 1, ISTRIP: 1, VERASE: 8, VSUSP: 255 })).toEqual([
      'erase',
      '^H',
      'susp',
      '^-',
      'istrip',
      'ixany',
      '-echo',
    ]);
  });

  it('that are unknown or out of range are dropped: they come from the client', () => {
    expect(sttyArguments({ VINTR: 300, VQUIT: -1, VKILL: 1.5, '; reboot': 1, TTY_OP_ISPEED: 9600 })).toEqual([]);
  });

  it('never reach the command’s own words', () => {
    const argv = onTerminal(['sh', '-c', 'echo "$1"'], '/dev/pts/7', { ECHO: 0 });
    expect(argv.slice(4)).toEqual(['/dev/pts/7', 'iutf8 -echo', 'iutf8 -echo', 'sh', '-c', 'echo "$1"']);
  });
});
