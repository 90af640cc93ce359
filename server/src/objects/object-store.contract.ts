/** What every object store does, whatever lies behind it. */
import { AppError } from '@easel/schema/errors';
import { expect, it } from 'vitest';
import type { ObjectStore } from './objects.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array | null) => (body === null ? null : new TextDecoder().decode(body));

/** `open` gives a store; keys of earlier tests may lie in it, below other folders. */
export function describeObjectStore(open: () => ObjectStore): void {
  let count = 0;
  const folder = () => `contract/t${count++}`;

  it('gives back what was put, byte for byte', async () => {
    const store = open();
    const key = `${folder()}/all-bytes.bin`;
    const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256);
    await store.put(key, body);
    expect(Buffer.compare((await store.get(key)) ?? Buffer.of(), body)).toBe(0);
  });

  it('keeps an empty object', async () => {
    const store = open();
    const key = `${folder()}/empty.bin`;
    await store.put(key, new Uint8Array());
    expect(await store.get(key)).toHaveLength(0);
  });

  it('replaces an object by a later put', async () => {
    const store = open();
    const key = `${folder()}/twice.txt`;
    await store.put(key, bytes('first, and longer'));
    await store.put(key, bytes('second'));
    expect(text(await store.get(key))).toBe('second');
  });

  it('gives null for what is not there', async () => {
    expect(await open().get(`${folder()}/nothing.txt`)).toBeNull();
  });

  it('removes objects, and does not mind those that are not there', async () => {
    const store = open();
    const at = folder();
    const keys = Array.from({ length: 20 }, (_, i) => `${at}/${i}.txt`);
    await Promise.all(keys.map((key) => store.put(key, bytes(key))));
    await store.remove([...keys.slice(1), `${at}/never-was.txt`]);
    await store.remove(keys.slice(1));
    expect((await store.list(`${at}/`)).map(({ key }) => key)).toEqual([`${at}/0.txt`]);
  });

  it('lists by prefix, in the order of bytes, in pages', async () => {
    const store = open();
    const at = folder();
    const keys = ['a-b.txt', 'a.txt', 'a/1.txt', 'a/b/1.txt', 'a/b0.txt', 'a0.txt', 'b.txt'].map(
      (name) => `${at}/${name}`,
    );
    await Promise.all(keys.toReversed().map((key) => store.put(key, bytes('12345'))));
    const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
    expect(await store.list(`${at}/`)).toEqual(sorted.map((key) => ({ key, sizeBytes: 5 })));
    const pages: string[] = [];
    for (let after = ''; ; ) {
      const page = await store.list(`${at}/`, { after, limit: 2 });
      if (page.length === 0) break;
      pages.push(...page.map(({ key }) => key));
      after = pages.at(-1) ?? '';
    }
    expect(pages).toEqual(sorted);
    expect((await store.list(`${at}/a/`)).map(({ key }) => key)).toEqual(
      sorted.filter((key) => key.startsWith(`${at}/a/`)),
    );
    expect(await store.list(`${at}/nothing/`)).toEqual([]);
  });

  it('shows a reader the old object or the new one, never a part', async () => {
    const store = open();
    const key = `${folder()}/changing.bin`;
    const bodies = [new Uint8Array(200_000).fill(1), new Uint8Array(150_000).fill(2)] as const;
    await store.put(key, bodies[0]);
    const writes = (async () => {
      for (let i = 0; i < 10; i++) await store.put(key, bodies[i % 2 === 0 ? 1 : 0]);
    })();
    for (let i = 0; i < 20; i++) {
      const seen = (await store.get(key)) ?? new Uint8Array();
      const kind = seen[0] === 1 ? bodies[0] : bodies[1];
      expect(Buffer.compare(seen, kind)).toBe(0);
    }
    await writes;
  });

  it.each([
    '',
    '/a.txt',
    '../a.txt',
    'a/../b.txt',
    'a',
    'a/b',
    'a/.hidden.txt',
    'A.txt',
    'a b.txt',
    'a//b.txt',
    'ä.txt',
    `${'a'.repeat(600)}.txt`,
  ])('refuses the key %j', async (key) => {
    const store = open();
    const refusal = expect.objectContaining({ code: 'INVALID_INPUT' });
    await expect(store.put(key, bytes('x'))).rejects.toEqual(refusal);
    await expect(store.get(key)).rejects.toEqual(refusal);
    await expect(store.remove([key])).rejects.toEqual(refusal);
  });

  it('refuses an object that is too large', async () => {
    const err = await open()
      .put(`${folder()}/large.bin`, { byteLength: 2 ** 31 } as Uint8Array)
      .catch((caught: unknown) => caught);
    expect(err).toBeInstanceOf(AppError);
    expect(err).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('says that it can be used', async () => {
    await expect(open().check()).resolves.toBeUndefined();
  });
}
