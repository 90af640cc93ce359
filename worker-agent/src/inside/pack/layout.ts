/**
 * Where things lie in the pack that `npm run build -w @easel/worker-agent` makes: a loader, Node.js and the libraries that
 * it needs, the helper as one file, and programs for images that have none. Read-only inside, at any path, for any image:
 * nothing of the image's is needed to run the helper.
 */
import { join } from 'node:path';

export const PACK = {
  loader: 'loader',
  libraries: 'lib',
  node: 'node',
  helper: 'helper.mjs',
  pty: 'pty.node',
  /** Names the content. */
  stamp: 'stamp',
  /** Scripts for /bin/sh that run what lies in `programs`. Last in PATH: what the image has itself goes before. */
  bin: 'bin',
  programs: 'programs',
} as const;

/** Small heaps and few threads: the helper moves bytes and keeps none. */
const nodeFlags = ['--max-old-space-size=256', '--max-semi-space-size=1', '--v8-pool-size=1', '--no-warnings'];

/** The command that runs the helper where the pack lies at `packDir`. */
export function helperCommand(packDir: string): string[] {
  return [
    join(packDir, PACK.loader),
    '--library-path',
    join(packDir, PACK.libraries),
    join(packDir, PACK.node),
    ...nodeFlags,
    join(packDir, PACK.helper),
  ];
}

/** Variables that would change how the helper itself runs. */
export const HELPER_OWN_VARIABLES = ['NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'LD_PRELOAD', 'LD_AUDIT'];
/** Where the values of those go meanwhile; the helper gives them back to what it starts. */
export const SAVED_PREFIX = 'EASEL_SAVED_';

/** What to set over the image's variables when the helper is started, so that they reach its children but not itself. */
export function helperEnvironment(image: Readonly<Record<string, string>>): Record<string, string> {
  const names = HELPER_OWN_VARIABLES.filter((name) => image[name]);
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, ''],
      [`${SAVED_PREFIX}${name}`, image[name]!],
    ]),
  );
}
