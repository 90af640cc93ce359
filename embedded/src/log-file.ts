import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** A process's raw output is kept up to about four times this. */
const defaultMaxBytes = 10 * 1024 * 1024;
/** Older files beside the current one: `.1` is the newest of them. */
const olderFiles = 3;

/** A file that lines are added to; when it is full it becomes `<path>.1` and a new one is begun. */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number;
  #sizeBytes: number;

  constructor(path: string, maxBytes: number = defaultMaxBytes) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#fd = openSync(path, 'a', 0o600);
    this.#sizeBytes = fstatSync(this.#fd).size;
  }

  write(line: string): void {
    if (this.#fd < 0) return;
    const bytes = Buffer.from(`${line}\n`);
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#maxBytes) this.#rotate();
    try {
      this.#sizeBytes += writeSync(this.#fd, bytes);
    } catch (err) {
      // A full disk must not end the supervisor: the line was shown, the file goes on when there is room.
      if ((err as NodeJS.ErrnoException).code !== 'ENOSPC') throw err;
    }
  }

  /** Closing twice does nothing; lines written afterwards are dropped. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #rotate(): void {
    closeSync(this.#fd);
    rmSync(`${this.#path}.${olderFiles}`, { force: true });
    for (let number = olderFiles - 1; number >= 0; number--) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      try {
        renameSync(from, `${this.#path}.${number + 1}`);
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err;
      }
    }
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#sizeBytes = 0;
  }
}
