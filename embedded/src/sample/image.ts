/**
 * The sample template's image, for machines with Docker and without internet: made of programs of this machine, given to the
 * daemon over its HTTP API. Source: Docker Engine API, "Create an image" with `fromSrc=-`.
 */
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { dockerAddress } from '@easel/kit/docker-daemon';
import type { Screen } from '../screen.ts';
import { imageEntries, imageUser } from './image-files.ts';
import { writeTar } from './tar.ts';

/** The number is the recipe's: raise it when what the image holds changes. An image that is there is not made again. */
const repository = 'easel-sample';
const tag = '1';
const askLimitMs = 10_000;
const importLimitMs = 300_000;

/** Gives the image's name, or null when it cannot be made: the sample is a convenience, Easel starts without it. */
export async function keepSampleImage(screen: Screen): Promise<string | null> {
  const name = `${repository}:${tag}`;
  try {
    if (!(await isThere(name))) await screen.step('sample image', makeImage);
    return name;
  } catch (err) {
    screen.warn(`the sample image cannot be made (${(err as Error).message}): templates need an image of their own`);
    return null;
  }
}

async function isThere(name: string): Promise<boolean> {
  const answer = await ask('GET', `/images/${name}/json`, askLimitMs);
  return answer.status === 200;
}

async function makeImage(): Promise<void> {
  const changes = [
    `USER ${imageUser.name}`,
    `WORKDIR ${imageUser.home}`,
    'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8',
    'CMD ["/bin/bash"]',
  ];
  const query = new URLSearchParams({
    fromSrc: '-',
    repo: repository,
    tag,
    message: 'made by Easel from programs of this machine',
  });
  for (const change of changes) query.append('changes', change);
  const entries = await imageEntries(process.execPath);
  const { status, text } = await ask(
    'POST',
    `/images/create?${query}`,
    importLimitMs,
    Readable.from(writeTar(entries)),
  );
  // Progress and errors come as JSON lines, after a status that says nothing of them.
  const problem = /"(?:error|message)":"((?:[^"\\]|\\.)*)"/.exec(text);
  if (status !== 200 || problem) throw new Error(problem?.[1] ?? `Docker answered with HTTP ${status}`);
}

async function ask(
  method: string,
  path: string,
  limitMs: number,
  body?: Readable,
): Promise<{ status: number; text: string }> {
  const address = dockerAddress(process.env.DOCKER_HOST);
  if (!address) throw new Error('DOCKER_HOST is not an address that can be dialled');
  const headers = body ? { 'content-type': 'application/x-tar' } : {};
  const signal = AbortSignal.timeout(limitMs);
  const req = request({ ...address, method, path, headers, signal });
  const answered = new Promise<IncomingMessage>((resolve, reject) => req.on('response', resolve).on('error', reject));
  if (body) await pipeline(body, req);
  else req.end();
  const res = await answered;
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  return { status: res.statusCode ?? 0, text };
}
