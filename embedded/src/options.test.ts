import { expect, test } from 'vitest';
import { helpText, parseOptions } from './options.mjs';

test('without options everything has its default', () => {
  expect(parseOptions([]).options).toEqual({
    data: null,
    port: 7080,
    sshPort: 7022,
    relayPort: 7081,
    host: '127.0.0.1',
    runtime: 'auto',
    open: false,
    reset: false,
    yes: false,
    json: false,
    verbose: false,
    dev: false,
    help: false,
    version: false,
  });
});

test('values are taken in both spellings', () => {
  const { options } = parseOptions([
    '--port',
    '0',
    '--ssh-port=2222',
    '--data=/tmp/a=b',
    '--runtime',
    'process',
    '--json',
  ]);
  expect(options).toMatchObject({ port: 0, sshPort: 2222, data: '/tmp/a=b', runtime: 'process', json: true });
});

test.each([
  [['--prot', '1'], 'unknown option --prot: see npm start -- --help'],
  [['port'], 'unknown option port: see npm start -- --help'],
  [['--port', 'http'], '--port expects a port (0 to 65535), got http'],
  [['--port', '65536'], '--port expects a port (0 to 65535), got 65536'],
  [['--relay-port'], '--relay-port expects a port (0 to 65535), got nothing'],
  [['--runtime=podman'], '--runtime expects auto, docker or process, got podman'],
  [['--data='], '--data expects a folder, got '],
  [['--json=yes'], '--json takes no value, got --json=yes'],
])('%j is refused with a sentence', (args, problem) => {
  expect(parseOptions(args)).toEqual({ problem });
});

test('the help names every option', () => {
  const options = Object.keys(parseOptions([]).options ?? {});
  const flags = options.map((key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  for (const flag of flags) expect(helpText()).toContain(`  ${flag}`);
});
