/**
 * Terminal modes that an SSH client asks for, as arguments of stty(1). Setting them is left to that program, run on the
 * terminal before the command: Node.js cannot. Source: RFC 4254 §8; Linux' `tty_std_termios` for what a fresh terminal has.
 */
/** The value that RFC 4254 uses for a character that is switched off. */
const switchedOff = 255;

const characters: Readonly<Record<string, { setting: string; fresh: number }>> = {
  VINTR: { setting: 'intr', fresh: 3 },
  VQUIT: { setting: 'quit', fresh: 28 },
  VERASE: { setting: 'erase', fresh: 127 },
  VKILL: { setting: 'kill', fresh: 21 },
  VEOF: { setting: 'eof', fresh: 4 },
  VEOL: { setting: 'eol', fresh: switchedOff },
  VEOL2: { setting: 'eol2', fresh: switchedOff },
  VSTART: { setting: 'start', fresh: 17 },
  VSTOP: { setting: 'stop', fresh: 19 },
  VSUSP: { setting: 'susp', fresh: 26 },
  VREPRINT: { setting: 'rprnt', fresh: 18 },
  VWERASE: { setting: 'werase', fresh: 23 },
  VLNEXT: { setting: 'lnext', fresh: 22 },
};

/** Flags that a fresh terminal has set; all others of `flags` are unset. */
const freshFlags = new Set('ICRNL IXON OPOST ONLCR ICANON ISIG IEXTEN ECHO ECHOE ECHOK ECHOKE ECHOCTL'.split(' '));
const flags = (
  'IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8 ISIG ICANON XCASE ECHO ECHOE ' +
  'ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOKE OPOST OLCUC ONLCR OCRNL ONOCR ONLRET'
).split(' ');

/** What must change on a fresh terminal, as words for stty: `['erase', '^H']`, `['-ixon']`. */
export function sttyWords(modes: Readonly<Record<string, number>>): { characters: string[]; flags: string[] } {
  const changed = Object.entries(characters).flatMap(([name, { setting, fresh }]) => {
    const value = modes[name];
    if (value === undefined || value === fresh || !Number.isInteger(value) || value < 0 || value > 255) return [];
    return [setting, characterWord(value)];
  });
  const switched = flags.flatMap((name) => {
    const value = modes[name];
    if (value === undefined || (value !== 0) === freshFlags.has(name)) return [];
    return [value !== 0 ? name.toLowerCase() : `-${name.toLowerCase()}`];
  });
  return { characters: changed, flags: switched };
}

/** As every stty reads it: one digit alone would be taken for itself. */
function characterWord(value: number): string {
  if (value === switchedOff) return '^-';
  return value < 32 ? `^${String.fromCharCode(value + 64)}` : String(value);
}

/**
 * The command, run by a shell that has first taken the terminal at `path` for its session's own: the leader of a session
 * without one gets the first that it opens. An image without stty has the pack's.
 */
export function onTerminal(argv: string[], path: string, modes: Readonly<Record<string, number>>): string[] {
  const words = sttyWords({ IUTF8: 1, ...modes });
  return ['sh', '-c', script, 'sh', path, words.characters.join(' '), words.flags.join(' '), ...argv];
}

/** When stty takes not all of it: flags one by one, so that one that it does not know does not cost the others. */
const script =
  'true <"$1"; [ -z "$2$3" ] || stty $2 $3 2>/dev/null || for s in $3; do stty $s 2>/dev/null; done; shift 3; exec "$@"';
