/**
 * Where this machine's Docker daemon is, and whether it answers. Only that: what is done with it is the business of whoever
 * runs containers. Source: Docker's documentation of DOCKER_HOST; Docker Engine API, `GET /_ping`.
 */
import { type RequestOptions, request } from 'node:http';

/** Where node:http reaches the daemon: a unix socket or TCP without TLS. */
export type DockerAddress = Pick<RequestOptions, 'socketPath' | 'host' | 'port'>;

export type DockerAnswer = { isThere: true; apiVersion: string } | { isThere: false; reason: string };

const defaultSocket = '/var/run/docker.sock';
/** The daemon is on this machine: one that is slower than this is not well. */
const pingLimitMs = 2_000;

/** The address that DOCKER_HOST names, or the usual socket; null for a form that node:http cannot dial (ssh://, TLS). */
export function dockerAddress(dockerHost: string | undefined): DockerAddress | null {
  if (!dockerHost) return { socketPath: defaultSocket };
  if (dockerHost.startsWith('unix://')) return { socketPath: dockerHost.slice('unix://'.length) };
  const tcp = /^(?:tcp|http):\/\/(\[[0-9a-f:]+\]|[^/:]+)(?::(\d+))?\/?$/i.exec(dockerHost);
  return tcp ? { host: tcp[1]?.replace(/^\[|\]$/g, '') ?? 'localhost', port: Number(tcp[2] ?? 2375) } : null;
}

/** Asks the daemon whether it is there. Never rejects: the reason says, in half a sentence, what came instead of an answer. */
export async function pingDocker(dockerHost: string | undefined): Promise<DockerAnswer> {
  const address = dockerAddress(dockerHost);
  const shown = dockerHost || defaultSocket;
  if (!address) return { isThere: false, reason: `DOCKER_HOST=${shown} is not a unix:// or tcp:// address` };
  return new Promise((resolve) => {
    const ping = request({ ...address, path: '/_ping', method: 'GET', timeout: pingLimitMs }, (res) => {
      res.resume();
      const apiVersion = res.headers['api-version'];
      if (res.statusCode === 200 && typeof apiVersion === 'string') resolve({ isThere: true, apiVersion });
      else resolve({ isThere: false, reason: `what answers on ${shown} is not a Docker daemon` });
    });
    ping.on('timeout', () => ping.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
    ping.on('error', (err: NodeJS.ErrnoException) =>
      resolve({
        isThere: false,
        reason:
          err.code === 'EACCES'
            ? `this user may not use the Docker daemon on ${shown}`
            : `no Docker daemon answers on ${shown}`,
      }),
    );
    ping.end();
  });
}
