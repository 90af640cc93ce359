import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const embedded = fileURLToPath(new URL('..', import.meta.url));
let checkout: string;

/** A checkout before anything is installed. */
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'easel-launch-'));
  mkdirSync(join(checkout, 'embedded/src'), { recursive: true });
  for (const file of ['start.mjs', 'src/launch.mjs', 'src/options.mjs']) {
    cpSync(join(embedded, file), join(checkout, 'embedded', file));
  }
  writeFileSync(join(checkout, 'package.json'), JSON.stringify({ name: 'easel', version: '1.2.3' }));
  writeFileSync(
    join(checkout, 'package-lock.json'),
    JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }),
  );
});
afterEach(() => rmSync(checkout, { recursive: true }));

function start(args: string[], nodeArgs: string[] = [], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, 'embedded/start.mjs', ...args], {
    cwd: checkout,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  return { status, stdout, stderr };
}

function install(packages: object): void {
  mkdirSync(join(checkout, 'node_modules'), { recursive: true });
  writeFileSync(join(checkout, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
}

/** An npm that says what it was asked to do. */
function fakeNpm(script: string): Record<string, string> {
  const npm = join(checkout, 'npm-cli.js');
  writeFileSync(npm, script);
  return { npm_execpath: npm };
}

test('help and version need nothing installed', () => {
  expect(start(['--help'])).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('--relay-port N') });
  expect(start(['--version'])).toEqual({ status: 0, stderr: '', stdout: '1.2.3\n' });
});

test('an unknown option is bad usage', () => {
  expect(start(['--nope'])).toEqual({
    status: 2,
    stdout: '',
    stderr: 'easel: unknown option --nope: see npm start -- --help\n',
  });
});

test.each(['18.20.4', '20.18.3'])('Node.js %s is too old, and that is all that is said', (version) => {
  const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const preload = `data:text/javascript,${encodeURIComponent(fake)}`;
  const { status, stdout, stderr } = start([], ['--import', preload]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toBe(
    `Easel needs Node.js 20.19 or newer to start, and this is ${version}: install a newer Node.js, then try again.\n`,
  );
});

test('what the lock file names and is not there is installed first', () => {
  const { stdout } = start([], [], fakeNpm(`console.log('asked for', process.argv.slice(2).join(' '))`));
  expect(stdout).toContain('installing packages (npm ci)\n');
  expect(stdout).toContain('asked for ci --no-audit --no-fund');
});

test('with --json the installation is told on standard error', () => {
  const { stdout, stderr } = start(['--json'], [], fakeNpm(`console.log('asked')`));
  expect(stdout).toBe('');
  expect(stderr).toContain('installing packages (npm ci)\nasked\n');
});

test('an installation that fails ends the start', () => {
  install({ 'node_modules/a': { version: '0.9.0' } });
  const { status, stderr } = start([], [], fakeNpm('process.exit(7)'));
  expect(status).toBe(1);
  expect(stderr).toContain('easel: npm ci failed (exit 7): see what it printed above.\n');
});

test('what is installed as locked is not installed again', () => {
  install({ 'node_modules/a': { version: '1.0.0' } });
  const { status, stdout, stderr } = start([], [], fakeNpm(`console.log('asked')`));
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^easel: npm has no Node\.js 24 for linux/);
  expect(status).toBe(1);
});
