/**
 * Where things lie in the pack that `npm run build -w @easel/worker-agent` makes: a loader, Node.js and the libraries that
 * it needs, the helper as one file, and programs for images that have none. Read-only inside, at any path.
 */
import { join } from 'node:path';

export const PACK_FILES = {
  loader: 'loader',
  libraries: 'lib',
  node: 'node',
  helper: 'helper.mjs',
  pty: 'pty.node',
  /** Names the content: a hash of all that went in. */
  stamp: 'stamp',
  /** Wrappers, last in PATH: what the image has itself goes before. */
  bin: 'bin',
} as const;

/** The command that runs the helper in any image, musl or none, where the pack lies at `packDir`. */
export function helperCommand(packDir: string): string[] {
  return [
    join(packDir, PACK_FILES.loader),
    '--library-path',
    join(packDir, PACK_FILES.libraries),
    join(packDir, PACK_FILES.node),
    join(packDir, PACK_FILES.helper),
  ];
}
