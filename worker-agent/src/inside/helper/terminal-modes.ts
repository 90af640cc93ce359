/**
 * Terminal modes that an SSH client asks for, as arguments of stty(1). Setting them is left to that program, run on the
 * terminal before the command: Node.js cannot. Source: RFC 4254 §8; node-pty's `PtyFork` for what a fresh terminal has.
 */
/** node-pty leaves a character there that nobody types: it must be switched off. */
const unset = -1;

const characters: Readonly<Record<string, { setting: string; fresh: number }>> = {
  VINTR: { setting: 'intr', fresh: 3 },
  VQUIT: { setting: 'quit', fresh: 28 },
  VERASE: { setting: 'erase', fresh: 127 },
  VKILL: { setting: 'kill', fresh: 21 },
  VEOF: { setting: 'eof', fresh: 4 },
  VEOL: { setting: 'eol', fresh: unset },
  VEOL2: { setting: 'eol2', fresh: unset },
  VSTART: { setting: 'start', fresh: 17 },
  VSTOP: { setting: 'stop', fresh: 19 },
  VSUSP: { setting: 'susp', fresh: 26 },
  VREPRINT: { setting: 'rprnt', fresh: 18 },
  VWERASE: { setting: 'werase', fresh: 23 },
  VLNEXT: { setting: 'lnext', fresh: 22 },
};

/** Flags that a fresh terminal has set; all others of `flags` are unset. */
const freshFlags = new Set(
  'ICRNL IXON IXANY IMAXBEL IUTF8 OPOST ONLCR ICANON ISIG IEXTEN ECHO ECHOE ECHOK ECHOKE ECHOCTL'.split(' '),
);
const flags = (
  'IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8 ISIG ICANON XCASE ECHO ECHOE ' +
  'ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOKE OPOST OLCUC ONLCR OCRNL ONOCR ONLRET'
).split(' ');

/** The value that RFC 4254 uses for a character that is switched off. */
const switchedOff = 255;

/** What must change on a fresh terminal: `-ixany erase 8`; empty when nothing must. */
export function sttyArguments(modes: Readonly<Record<string, number>>): string[] {
  const settings: string[] = [];
  for (const [name, { setting, fresh }] of Object.entries(characters)) {
    const value = modes[name];
    if (value === undefined || value === fresh || !Number.isInteger(value) || value < 0 || value > 255) continue;
    settings.push(setting, characterName(value));
  }
  for (const name of flags) {
    const value = modes[name];
    if (value === undefined || (value !== 0) === freshFlags.has(name)) continue;
    settings.push(value !== 0 ? name.toLowerCase() : `-${name.toLowerCase()}`);
  }
  return settings;
}

/** As every stty reads it: a single digit would be taken for itself. */
function characterName(value: number): string {
  if (value === switchedOff) return '^-';
  if (value < 32) return `^${String.fromCharCode(value + 64)}`;
  if (value === 127) return '^?';
  return value < 127 ? String.fromCharCode(value) : String(value);
}

/** The command, with the terminal set up before it where that is needed. An image without stty gets the pack's. */
export function withModes(argv: string[], modes: Readonly<Record<string, number>>): string[] {
  const settings = sttyArguments(modes);
  if (settings.length === 0) return argv;
  // One by one: a flag that this stty does not know must not cost the others.
  const script = 'stty $1 2>/dev/null || for s in $2; do stty $s 2>/dev/null; done; shift 2; exec "$@"';
  const onlyFlags = settings.filter((setting) => /^-?[a-z]+$/.test(setting) && !isCharacter(setting));
  return ['sh', '-c', script, 'sh', settings.join(' '), onlyFlags.join(' '), ...argv];
}

function isCharacter(setting: string): boolean {
  return Object.values(characters).some((character) => character.setting === setting);
}
