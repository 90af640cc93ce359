import type { Dir } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Refusal } from './status.ts';

export type Handle =
  | { kind: 'file'; file: FileHandle; isAppending: boolean }
  | { kind: 'folder'; folder: Dir; path: Buffer; isAtEnd: boolean };

/** A session may hold this many files and folders open. */
const maxHandles = 512;

/** What a session has open. A handle's name is its number, four bytes. */
export class Handles {
  readonly #open = new Map<number, Handle>();
  #last = 0;

  add(handle: Handle): Buffer {
    const number = ++this.#last;
    this.#open.set(number, handle);
    const name = Buffer.alloc(4);
    name.writeUInt32BE(number);
    return name;
  }

  /** Throws when one more would be too many: ask before opening. */
  assertRoom(): void {
    if (this.#open.size >= maxHandles) throw new Refusal('FAILURE', `at most ${maxHandles} files can be open at once`);
  }

  file(name: Buffer): Extract<Handle, { kind: 'file' }> {
    const handle = this.#get(name);
    if (handle.kind !== 'file') throw new Refusal('FAILURE', 'expected the handle of a file, got that of a folder');
    return handle;
  }

  folder(name: Buffer): Extract<Handle, { kind: 'folder' }> {
    const handle = this.#get(name);
    if (handle.kind !== 'folder') throw new Refusal('FAILURE', 'expected the handle of a folder, got that of a file');
    return handle;
  }

  async close(name: Buffer): Promise<void> {
    const handle = this.#get(name);
    this.#open.delete(name.readUInt32BE());
    await closeOne(handle);
  }

  async closeAll(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(all.map(closeOne));
  }

  #get(name: Buffer): Handle {
    const handle = name.length === 4 ? this.#open.get(name.readUInt32BE()) : undefined;
    if (!handle) throw new Refusal('FAILURE', 'no such handle');
    return handle;
  }
}

function closeOne(handle: Handle): Promise<void> {
  return handle.kind === 'file' ? handle.file.close() : handle.folder.close();
}
