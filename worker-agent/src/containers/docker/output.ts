/** What containers write. Source: Docker Engine API, "Stream format" of POST /containers/{id}/attach. */
import { PassThrough } from 'node:stream';
import type { Container } from 'dockerode';
import { followLines } from '../lines.ts';
import type { Docker } from './daemon.ts';

/** Everything that a container that has ended wrote; for small programs of ours. */
export async function readOutput(container: Container): Promise<{ stdout: string; stderr: string }> {
  const frames = (await container.logs({ stdout: true, stderr: true, follow: false })) as Buffer;
  const texts = { stdout: '', stderr: '' };
  for (let at = 0; at + 8 <= frames.length; ) {
    const length = frames.readUInt32BE(at + 4);
    texts[frames[at] === 2 ? 'stderr' : 'stdout'] += frames.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return texts;
}

/** Tells each line that a container writes, from its start until it ends or the signal aborts. */
export async function followOutput(
  docker: Docker,
  container: Container,
  options: { signal: AbortSignal; tell: (stream: 'stdout' | 'stderr', text: string) => void },
): Promise<void> {
  const { signal, tell } = options;
  const frames = await container.logs({ stdout: true, stderr: true, follow: true, abortSignal: signal });
  splitOutput(docker, frames, tell);
}

/** Takes the two streams of a raw stream apart and tells their lines. */
export function splitOutput(
  docker: Docker,
  frames: NodeJS.ReadableStream,
  tell: (stream: 'stdout' | 'stderr', text: string) => void,
): void {
  const outputs = { stdout: new PassThrough(), stderr: new PassThrough() };
  docker.modem.demuxStream(frames, outputs.stdout, outputs.stderr);
  for (const name of ['stdout', 'stderr'] as const) void followLines(outputs[name], (text) => tell(name, text));
  const end = () => {
    outputs.stdout.end();
    outputs.stderr.end();
  };
  frames.on('end', end);
  frames.on('close', end);
  frames.on('error', end);
}
