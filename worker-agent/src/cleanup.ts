/**
 * Ends what a worker that was killed has left behind: `cleanup.ts ENVIRONMENT VOLUME-DIR [--erase]`.
 *
 * Who: the scheduler of the platform `local`, after a worker's process has ended and before another one starts. Processes,
 * containers, sockets and half clones go; the volume only with `--erase`. Done twice, the second time does nothing. Exit
 * code 1 with a sentence when something could not be taken back: it may be tried again.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Not in the usual place, /tmp: what people inside could write there would be run by us.
enableCompileCache(join(import.meta.dirname, '../dist/compiled'));
const { parseArgs } = await import('node:util');
const { realpathSync } = await import('node:fs');
const { systemClock } = await import('@easel/kit/clock');
const { isId } = await import('@easel/schema/ids');
const { readCleanupConfig } = await import('./config.ts');
const { cleanUp } = await import('./containers/cleanup.ts');

const usage = 'usage: cleanup.ts ENVIRONMENT VOLUME-DIR [--erase]\n';

function fail(text: string, code: number): never {
  process.stderr.write(text);
  process.exit(code);
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { erase: { type: 'boolean' } } });
const [environmentId, volumeDir] = positionals;
if (!isId('environment', environmentId) || !volumeDir?.startsWith('/')) fail(usage, 2);
const config = readCleanupConfig();
try {
  await cleanUp({
    environmentId,
    volumeDir,
    isErase: values.erase ?? false,
    dockerHost: config.DOCKER_HOST,
    packDir: resolved(config.EASEL_INSIDE_DIR),
    clock: systemClock,
  });
} catch (err) {
  fail(`${(err as Error).message}\n`, 1);
}
