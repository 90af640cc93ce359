/** A whole run of the command against the fake API, from words to exit code. */
import { PassThrough } from 'node:stream';
import { run } from '../run.ts';
import { FAKE_TOKEN, type FakeApi } from './fake-api.ts';
import { aScreen } from './screen.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Ends when the command does. */
export async function runAt(
  { url }: FakeApi,
  words: readonly string[],
  options: { home: string; input?: string },
): Promise<Ran> {
  const stdin = new PassThrough();
  stdin.end(options.input ?? '');
  const io = {
    env: { HOME: options.home, EASEL_URL: url, EASEL_TOKEN: FAKE_TOKEN },
    stdin,
    stdout: aScreen(),
    stderr: aScreen(),
    signal: new AbortController().signal,
  };
  return { code: await run(words, io), stdout: io.stdout.text(), stderr: io.stderr.text() };
}
