import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receive } from './receive.ts';
import { sendAll } from './send.ts';
import { Wire } from './wire.ts';

let root: string;
const options = { isRecursive: true, keepsTimes: true, needsFolder: false };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'easel-scp-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Gives `said` to the receiving side, whole; resolves with what it answered. */
async function received(said: string, more: Partial<typeof options> = {}): Promise<{ answer: string; error?: string }> {
  const input = new PassThrough();
  const output = new PassThrough();
  const wire = new Wire(input, output);
  input.end(said);
  const error = await receive(wire, { ...options, ...more, paths: [root] }).then(
    () => undefined,
    (err: Error) => err.message,
  );
  output.end();
  return { answer: await text(output), ...(error === undefined ? {} : { error }) };
}

/** Runs sender against receiver. */
async function copied(path: string, into: string): Promise<{ sent: Wire; taken: Wire }> {
  const there = new PassThrough();
  const back = new PassThrough();
  const sent = new Wire(back, there);
  const taken = new Wire(there, back);
  await Promise.all([
    sendAll(sent, { ...options, paths: [path] }).then(() => there.end()),
    receive(taken, { ...options, paths: [into] }),
  ]);
  return { sent, taken };
}

describe('scp', () => {
  it('copies a tree with its modes and times', async () => {
    mkdirSync(join(root, 'from/deep'), { recursive: true, mode: 0o750 });
    writeFileSync(join(root, 'from/deep/file'), 'x'.repeat(700_000), { mode: 0o600 });
    writeFileSync(join(root, 'from/empty one'), '');
    mkdirSync(join(root, 'to'));
    const { sent, taken } = await copied(join(root, 'from'), join(root, 'to'));
    expect([sent.errors, taken.errors]).toEqual([0, 0]);
    expect(readFileSync(join(root, 'to/from/deep/file'), 'utf8')).toBe('x'.repeat(700_000));
    expect(statSync(join(root, 'to/from/deep/file')).mode & 0o777).toBe(0o600);
    const seconds = (path: string) => Math.floor(statSync(join(root, path)).mtimeMs / 1000);
    expect(seconds('to/from/deep/file')).toBe(seconds('from/deep/file'));
    expect(existsSync(join(root, 'to/from/empty one'))).toBe(true);
  });

  it('complains about what it cannot read, and copies the rest', async () => {
    mkdirSync(join(root, 'from'));
    mkdirSync(join(root, 'to'));
    const { sent } = await copied(join(root, 'missing'), join(root, 'to'));
    expect(sent.errors).toBe(1);
  });

  it.each(['../evil', '/etc/evil', '.', '..', 'a/b'])('takes no path for a name: %s', async (name) => {
    const { error } = await received(`C0644 4 ${name}\nevil\0`);
    expect(error).toContain('unexpected file name');
    expect(existsSync(join(root, '../evil'))).toBe(false);
  });

  it('takes no folder where none was asked for', async () => {
    const { error } = await received('D0755 0 folder\n', { isRecursive: false });
    expect(error).toBe('received a folder without -r');
  });

  it('says that a file came to its end too early', async () => {
    const { error } = await received('C0644 10 file\nabc');
    expect(error).toBe('the other side has ended');
  });

  it('takes no line without end', async () => {
    expect((await received('C'.repeat(50_000))).error).toBe('a line is too long');
  });
});
