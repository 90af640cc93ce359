/**
 * Where bytes lie that are no rows: logs now, audit and archives later. Two implementations, files of this machine and
 * any S3-compatible store, one contract (object-store.contract.ts).
 */
import { AppError } from '@easel/schema/errors';
import { z } from 'zod';

export interface ObjectStore {
  /** Stores the whole object; a reader sees the old one or the new one, never a part. Durable when it resolves. */
  put(key: string, body: Uint8Array): Promise<void>;
  /** Null when there is none. */
  get(key: string): Promise<Uint8Array | null>;
  /** Removes them; one that is not there counts as removed. */
  remove(keys: readonly string[]): Promise<void>;
  /** Keys that start with `prefix` and come after `after`, in the order of their bytes, at most `limit` (≤ 1000). */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<StoredObject[]>;
  /** Throws OBJECT_STORE_UNAVAILABLE when the store cannot be used; for `/readyz`. */
  check(): Promise<void>;
}

export interface StoredObject {
  key: string;
  sizeBytes: number;
}

/** What `put` takes: objects are made in memory. */
export const MAX_OBJECT_BYTES = 64 * 1_048_576;
export const MAX_LISTED = 1000;

/**
 * `folder/folder/name.extension`: lower-case letters, digits, "-" and "_"; folders have no dot and the last part has one, so
 * that no key is a folder of another and none leaves the store's own folder.
 */
const KEY = /^([a-z0-9][a-z0-9_-]*\/)*[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)+$/;
const PREFIX = /^[a-z0-9_/-]*$/;

export const objectKeySchema = z.string().max(512).regex(KEY, 'expected a key like logs/env1/2/000003.jsonl');

/** Throws INVALID_INPUT. */
export function checkKey(key: string): void {
  const parsed = objectKeySchema.safeParse(key);
  if (!parsed.success) throw invalid(`not an object's key: ${parsed.error.issues[0]?.message}`);
}

/** Throws INVALID_INPUT. */
export function checkPrefix(prefix: string): void {
  if (!PREFIX.test(prefix) || prefix.startsWith('/') || prefix.includes('//')) {
    throw invalid('a prefix has lower-case letters, digits, "-", "_" and single "/"');
  }
}

/** Throws LIMIT_EXCEEDED. */
export function checkSize(body: Uint8Array): void {
  if (body.byteLength <= MAX_OBJECT_BYTES) return;
  throw new AppError({
    code: 'LIMIT_EXCEEDED',
    message: `an object has at most ${MAX_OBJECT_BYTES} bytes, got ${body.byteLength}`,
  });
}

/** The store did not do what was asked: retried by the caller, then shown as trouble. */
export function unavailable(what: string, cause: unknown): AppError {
  return new AppError({ code: 'OBJECT_STORE_UNAVAILABLE', message: `the object store could not ${what}`, cause });
}

function invalid(message: string): AppError {
  return new AppError({ code: 'INVALID_INPUT', message });
}
