/** The environment's volume: the one folder that lasts, and the marks on it that say what was done once and for all. */
import { mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Failed, isDiskFull } from './steps/failed.ts';

/** Less than this free, and nothing useful can be started: git and shells need a few files. */
const minFreeBytes = 1024 * 1024;

/** What is written on a volume, each a file of ours beside the home. */
export const MARKS = {
  /** Whose home it is, and that it was filled, from which image. */
  home: z.object({
    user: z.string(),
    uid: z.number(),
    gid: z.number(),
    /** As the inside sees it. */
    home: z.string(),
    imageId: z.string().nullable(),
  }),
  /** Where the sources lie in the home. */
  sources: z.object({ directory: z.string() }),
  /** That the init script ran to its end. */
  init: z.object({ at: z.string() }),
  /** The image that the environment ran in last: what a clean-up may use. */
  image: z.object({ name: z.string() }),
} as const;
export type MarkName = keyof typeof MARKS;
export type Mark<N extends MarkName> = z.output<(typeof MARKS)[N]>;

export class Volume {
  readonly dir: string;
  readonly home: string;
  /** Ours: nobody inside sees it. */
  readonly marksDir: string;

  constructor(dir: string) {
    this.dir = dir;
    this.home = join(dir, 'home');
    this.marksDir = join(dir, '.easel');
  }

  /** Makes the folders. Throws `Failed` (volume, disk_full). */
  prepare(): void {
    try {
      mkdirSync(this.home, { recursive: true });
      mkdirSync(this.marksDir, { recursive: true, mode: 0o700 });
    } catch (err) {
      throw volumeFailure('cannot be written to', err);
    }
    const free = this.freeBytes();
    if (free < minFreeBytes) {
      throw new Failed({ class: 'disk_full', message: `The disk of the environment is full: ${free} bytes are free.` });
    }
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.dir);
    return bavail * bsize;
  }

  isFull(): boolean {
    return this.freeBytes() < minFreeBytes;
  }

  /** Null when there is no such mark, or none that can be read: then it is done again. */
  read<N extends MarkName>(name: N): Mark<N> | null {
    try {
      return MARKS[name].parse(JSON.parse(readFileSync(this.#markPath(name), 'utf8'))) as Mark<N>;
    } catch {
      return null;
    }
  }

  /** On the disk when it resolves; never half a mark. Throws `Failed` (volume, disk_full). */
  async write<N extends MarkName>(name: N, mark: Mark<N>): Promise<void> {
    const temporary = `${this.#markPath(name)}.new`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(mark));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#markPath(name));
    } catch (err) {
      rmSync(temporary, { force: true });
      throw volumeFailure('cannot be written to', err);
    }
  }

  #markPath(name: MarkName): string {
    return join(this.marksDir, `${name}.json`);
  }
}

function volumeFailure(what: string, err: unknown): Failed {
  if (isDiskFull(err)) return new Failed({ class: 'disk_full', message: 'The disk of the environment is full.' }, err);
  const code = (err as NodeJS.ErrnoException).code ?? 'error';
  return new Failed({ class: 'volume', message: `The volume of the environment ${what} (${code}).` }, err);
}
