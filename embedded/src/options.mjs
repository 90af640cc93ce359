/** The options of `npm start`. Plain JavaScript without dependencies: they are read, and shown, before anything is installed. */

const port = (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined);
const filled = (text) => (text === '' ? undefined : text);
const runtime = (text) => (['auto', 'docker', 'process'].includes(text) ? text : undefined);

/** `parse` gives undefined for a value that is not `expects`; an option without `parse` takes no value. */
const TABLE = [
  {
    name: 'data',
    value: 'DIR',
    parse: filled,
    expects: 'a folder',
    help: 'where everything is kept (default: .easel in the checkout)',
  },
  {
    name: 'port',
    value: 'N',
    parse: port,
    expects: 'a port (0 to 65535)',
    initial: 7080,
    help: 'port of the web page and the API (default 7080; 0 takes any free one)',
  },
  {
    name: 'ssh-port',
    value: 'N',
    parse: port,
    expects: 'a port (0 to 65535)',
    initial: 7022,
    help: 'port that ssh connects to (default 7022)',
  },
  {
    name: 'relay-port',
    value: 'N',
    parse: port,
    expects: 'a port (0 to 65535)',
    initial: 7081,
    help: 'port of the relay, for the easel command and IDEs (default 7081)',
  },
  {
    name: 'host',
    value: 'ADDRESS',
    parse: filled,
    expects: 'an address',
    initial: '127.0.0.1',
    help: 'address to listen on (default 127.0.0.1; 0.0.0.0 opens Easel to the network)',
  },
  {
    name: 'runtime',
    value: 'KIND',
    parse: runtime,
    expects: 'auto, docker or process',
    initial: 'auto',
    help: 'how environments run: docker, process (no isolation), or auto (default): docker if it answers',
  },
  { name: 'open', help: 'open the one-time sign-in link in a browser' },
  { name: 'reset', help: 'delete all environments and all data first; asks before' },
  { name: 'yes', help: 'do not ask' },
  { name: 'json', help: 'print one line of JSON on standard output when ready; everything else on standard error' },
  { name: 'verbose', help: 'show debug output of all processes' },
  { name: 'dev', help: 'restart a process when its source changes (npm run dev)' },
  { name: 'help', help: 'show this and exit' },
  { name: 'version', help: 'show the version and exit' },
];

const keyOf = (name) => name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());

/** Gives the options, or what is wrong with the arguments in one sentence. */
export function parseOptions(args) {
  const options = Object.fromEntries(TABLE.map((row) => [keyOf(row.name), row.parse ? (row.initial ?? null) : false]));
  const rest = [...args];
  for (let given = rest.shift(); given !== undefined; given = rest.shift()) {
    const [, name, , inline] = /^--([a-z-]+)(=(.*))?$/s.exec(given === '-h' ? '--help' : given) ?? [];
    const row = TABLE.find((one) => one.name === name);
    if (!row) return { problem: `unknown option ${given}: see npm start -- --help` };
    if (!row.parse) {
      if (inline !== undefined) return { problem: `--${name} takes no value, got ${given}` };
      options[keyOf(name)] = true;
      continue;
    }
    const text = inline ?? rest.shift();
    const value = text === undefined ? undefined : row.parse(text);
    if (value === undefined) return { problem: `--${name} expects ${row.expects}, got ${text ?? 'nothing'}` };
    options[keyOf(name)] = value;
  }
  return { options };
}

export function helpText() {
  const left = TABLE.map((row) => `--${row.name}${row.value ? ` ${row.value}` : ''}`);
  const width = Math.max(...left.map((text) => text.length));
  return [
    'npm start [-- OPTION…]: Easel on this machine: PostgreSQL, server, scheduler, relay and jump under one supervisor.',
    '',
    ...TABLE.map((row, index) => `  ${left[index].padEnd(width)}  ${row.help}`),
    '',
    'EASEL_DATABASE_URL, when set, names a PostgreSQL to use instead of the one that comes along.',
    'Ctrl-C stops everything in order; a second one at once. Exit: 0 stopped, 1 could not start, 2 bad usage.',
    '',
  ].join('\n');
}
