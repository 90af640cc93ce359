/** The Docker daemon of this machine, and what its errors mean to a person. */
import { dockerAddress } from '@easel/kit/docker-daemon';
import type { FailureClass } from '@easel/schema/failure';
import Docker from 'dockerode';
import { Failed, isDiskFull } from '../../steps/failed.ts';

export type { Docker };

/** What every container of ours is labelled with, so that a clean-up finds it. */
export const LABELS = {
  environment: 'easel.environment',
  worker: 'easel.worker',
  role: 'easel.role',
} as const;

/** Throws `Failed` (platform) for an address that cannot be dialled. */
export function openDocker(dockerHost: string | undefined): Docker {
  const address = dockerAddress(dockerHost);
  if (!address) {
    const message = `DOCKER_HOST=${dockerHost} is not a unix:// or tcp:// address.`;
    throw new Failed({ class: 'platform', message });
  }
  const { socketPath, host, port } = address;
  if (socketPath) return new Docker({ socketPath });
  return new Docker({
    protocol: 'http',
    host: host ?? 'localhost',
    port: port ?? 2375,
  });
}

/** The HTTP status of the daemon's answer; undefined when it did not answer. */
export function statusOf(err: unknown): number | undefined {
  return (err as { statusCode?: number } | null)?.statusCode;
}

/** Does what may already be done: "not found" and "already so" are success. */
export async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (err) {
    if (![304, 404, 409].includes(statusOf(err) ?? 0)) throw err;
  }
}

/** The daemon's own words, without what its client puts around them. */
export function reasonOf(err: unknown): string {
  const said = (err as { json?: { message?: string } } | null)?.json?.message;
  const text = said ?? (err instanceof Error ? err.message : String(err));
  return text
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .trim()
    .slice(0, 600);
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/** The failure of a call that was to do `what` ("The container dev cannot be started"). */
export function dockerFailure(what: string, err: unknown, usual: FailureClass = 'containers'): Failed {
  if (err instanceof Failed) return err;
  if (isDiskFull(err)) return new Failed({ class: 'disk_full', message: `${what}: the disk is full.` }, err);
  if (UNREACHABLE.has((err as NodeJS.ErrnoException | null)?.code ?? '') && statusOf(err) === undefined) {
    return new Failed({ class: 'platform', message: `${what}: the Docker daemon does not answer.` }, err);
  }
  return new Failed({ class: usual, message: `${what}: ${reasonOf(err)}` }, err);
}
