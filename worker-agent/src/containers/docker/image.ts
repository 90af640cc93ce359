/** Images: made present by a pull where they are not, with progress, and with the registry's own reason when it fails. */

import { createInterface } from 'node:readline';
import type { ImageInspectInfo } from 'dockerode';
import { Failed } from '../../steps/failed.ts';
import type { StepContext } from '../../steps/runner.ts';
import { type Docker, dockerFailure, reasonOf, statusOf } from './daemon.ts';
import type { RegistryCredentials } from './registry-credentials.ts';

/** What a registry says of one layer. Source: Docker Engine API, POST /images/create. */
interface PullLine {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** Resolves to whether it had to be pulled. Throws `Failed` (image, disk_full, platform). */
export async function provideImage(
  docker: Docker,
  image: string,
  signIns: RegistryCredentials,
  context: StepContext,
): Promise<boolean> {
  if (await inspectImage(docker, image)) return false;
  context.line(`Pulling ${image} from ${registryOf(image)}.`);
  try {
    const authconfig = signIns.for(image);
    const stream = await docker.pull(withTag(image), {
      abortSignal: context.signal,
      ...(authconfig === null ? {} : { authconfig }),
    });
    await followPull(stream, image, context);
  } catch (err) {
    context.signal.throwIfAborted();
    throw pullFailure(image, err);
  }
  return true;
}

/** Null when this machine does not have it. Throws `Failed` (platform). */
export async function inspectImage(docker: Docker, image: string): Promise<ImageInspectInfo | null> {
  try {
    return await docker.getImage(image).inspect();
  } catch (err) {
    if (statusOf(err) === 404) return null;
    throw dockerFailure(`The image ${image} cannot be looked at`, err, 'image');
  }
}

async function followPull(stream: NodeJS.ReadableStream, image: string, context: StepContext): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  const stop = () => (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of createInterface({ input: stream })) {
      const { status, id, progressDetail, error } = parseLine(line);
      if (error) throw new Error(error);
      if (id && status === 'Downloading' && progressDetail?.total) {
        layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
      } else if (id && status === 'Download complete') {
        const layer = layers.get(id);
        if (layer) layer.current = layer.total;
      }
      const sum = (of: 'current' | 'total') => [...layers.values()].reduce((total, layer) => total + layer[of], 0);
      const total = sum('total');
      context.progress(total === 0 ? null : sum('current') / total, `Pulling ${image}`);
    }
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
  context.signal.throwIfAborted();
}

function parseLine(line: string): PullLine {
  try {
    return JSON.parse(line) as PullLine;
  } catch {
    return {};
  }
}

interface Rule {
  pattern: RegExp;
  says: string;
  advice?: string;
}

const RULES: readonly Rule[] = [
  { pattern: /no such host|server misbehaving|name resolution/i, says: 'its host is not known' },
  { pattern: /connection refused|no route to host|network is unreachable/i, says: 'it does not answer' },
  { pattern: /timeout|deadline exceeded|canceled while waiting/i, says: 'it does not answer in time' },
  { pattern: /x509|certificate/i, says: 'its TLS certificate cannot be trusted' },
  { pattern: /http response to https client/i, says: 'it speaks no TLS, which the Docker daemon asks for' },
  { pattern: /manifest unknown|manifest for .* not found|not found: manifest/i, says: 'it has no such tag' },
  {
    pattern: /pull access denied|unauthorized|denied|authentication required|no basic auth credentials/i,
    says: 'it has no such image, or shows it only to those who sign in',
  },
  {
    pattern: /toomanyrequests|rate limit/i,
    says: 'it has had too many requests from this machine',
    advice: 'Wait, or use a registry without such a limit; then retry.',
  },
  { pattern: /no matching manifest for/i, says: 'it has the image only for other kinds of processors' },
];

/** `docker pull`'s failure with the registry's host and reason. */
export function pullFailure(image: string, err: unknown): Failed {
  const plain = dockerFailure(`The image ${image} cannot be pulled`, err, 'image');
  if (plain.failure.class !== 'image') return plain;
  const reason = reasonOf(err);
  const rule = RULES.find(({ pattern }) => pattern.test(reason));
  const because = rule ? `${rule.says} (${reason})` : reason;
  const message = `The image ${image} cannot be pulled from ${registryOf(image)}: ${because}`;
  return new Failed({ class: 'image', message, ...(rule?.advice ? { advice: rule.advice } : {}) }, err);
}

/** The host that a reference names. Source: distribution/reference, "domain". */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : 'docker.io';
}

/** Without a tag the daemon would pull every one that there is. */
function withTag(image: string): string {
  const last = image.split('/').at(-1) ?? '';
  return /[:@]/.test(last) ? image : `${image}:latest`;
}
