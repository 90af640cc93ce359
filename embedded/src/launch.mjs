/**
 * From whatever Node.js the machine has to the one that the lock file names: installs the packages when they are not the
 * locked ones, then runs a program on `node_modules/.bin/node`. Plain JavaScript, Node.js ≥ 20.19, no dependencies.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { helpText, parseOptions } from './options.mjs';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const pinnedNode = join(checkout, 'node_modules/.bin/node');
/** How soon the death of npm is seen. */
const lookEveryMs = 500;
/** Between two lines that say that the installation goes on. */
const progressEveryMs = 10_000;

/** `npm start`. */
export async function start(args) {
  const { options, problem } = parseOptions(args);
  if (problem) return leave(2, `easel: ${problem}`);
  if (options.help) return void process.stdout.write(helpText());
  if (options.version) return void process.stdout.write(`${readJson('package.json').version}\n`);
  await run(['embedded/src/main.ts', ...args], options.json ? 2 : 1);
}

/** Runs `program` of this checkout. `output` is the file descriptor for what an installation prints. */
export async function run([program, ...args], output = 1) {
  try {
    if (!isInstalled()) await install(output);
  } catch (err) {
    return leave(1, `easel: ${err.message}`);
  }
  if (!existsSync(pinnedNode)) {
    return leave(
      1,
      `easel: npm has no Node.js 24 for ${process.platform} ${process.arch}: Easel runs on Linux x64 and arm64.`,
    );
  }
  const path = join(checkout, program);
  if (process.env.npm_lifecycle_event) endWithParent();
  if (realpathSync(process.execPath) === realpathSync(pinnedNode)) {
    process.argv = [process.execPath, path, ...args];
    await import(pathToFileURL(path).href);
    return;
  }
  const child = spawn(pinnedNode, [path, ...args], { stdio: 'inherit' });
  // A signal of the terminal reaches both; one sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)));
}

/** A killed npm tells its children nothing: they would go on without a terminal that could end them. */
function endWithParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, lookEveryMs);
  timer.unref();
}

/** Whether node_modules holds what the lock file names. npm writes its own record there as the last step of an installation. */
function isInstalled() {
  if (!existsSync(join(checkout, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, locked]) => {
      const found = installed[path];
      // A package for another system is left out.
      return found ? isSame(found, locked) : locked.optional === true;
    });
}

function isSame(found, locked) {
  return ['version', 'resolved', 'integrity'].every((field) => found[field] === locked[field]);
}

async function install(output) {
  const say = (text) => writeLine(output, text);
  const startedMs = Date.now();
  const seconds = () => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
  say('installing packages (npm ci)');
  const timer = setInterval(() => say(`installing packages, ${seconds()}`), progressEveryMs);
  // Under npm its own program is named in the environment; it need not be on the PATH.
  const viaNode = process.env.npm_execpath?.endsWith('.js');
  const [command, first] = viaNode ? [process.execPath, [process.env.npm_execpath]] : ['npm', []];
  try {
    await new Promise((resolve, reject) => {
      const child = spawn(command, [...first, 'ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], {
        cwd: checkout,
        stdio: ['ignore', output, 2],
      });
      child.on('error', (err) => reject(new Error(`cannot run npm (${err.code}): install npm, then try again.`)));
      child.on('exit', (code, signal) =>
        code === 0
          ? resolve()
          : reject(new Error(`npm ci failed (${signal ?? `exit ${code}`}): see what it printed above.`)),
      );
    });
  } finally {
    clearInterval(timer);
  }
  say(`packages installed in ${seconds()}`);
}

function readJson(path) {
  return JSON.parse(readFileSync(join(checkout, path), 'utf8'));
}

function writeLine(fd, text) {
  (fd === 2 ? process.stderr : process.stdout).write(`${text}\n`);
}

function leave(code, text) {
  writeLine(2, text);
  process.exitCode = code;
}
