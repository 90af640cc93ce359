#!/usr/bin/env node
/**
 * The `easel` command. Plain JavaScript that an old Node.js can run too: it starts itself again on the Node.js that npm
 * installed beside it, since the sources run as they are only on 24 and newer. Compiled code is kept between runs, so that a
 * command answers at once.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  module.enableCompileCache(join(cacheHome(), 'easel', 'compiled'));
  await import('../src/main.ts');
} else {
  startOnNewerNode();
}

/** Source: XDG Base Directory Specification; a relative path there counts as none. */
function cacheHome() {
  const named = process.env.XDG_CACHE_HOME ?? '';
  return isAbsolute(named) ? named : join(homedir(), '.cache');
}

function startOnNewerNode() {
  const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
  if (!existsSync(node)) {
    console.error(`easel: Node.js ${neededMajor} or newer is needed, this is ${process.version}; run \`npm ci\` first`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself: it sits in the same process group of the terminal.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.on('error', (err) => {
    console.error(`easel: cannot start ${node}: ${err.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exit(code ?? 1);
    } else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
