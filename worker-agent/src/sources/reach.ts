/** Whether the host of a repository answers at all: git itself waits for minutes and says little. */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { Failed } from '../steps/failed.ts';

const connectLimitMs = 10_000;

/**
 * Addresses that belong to the machine that clouds run us on, never to a Git host: they hand out credentials.
 * Source: RFC 3927 and RFC 4291 §2.5.6 (link-local), fd00:ec2::254 of EC2.
 */
function isForbidden(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  return /^169\.254\./.test(mapped) || /^fe[89ab][0-9a-f]:/i.test(mapped) || /^fd00:ec2::/i.test(mapped);
}

/**
 * Resolves to the addresses of the host, once one of them takes a connection. Throws `Failed` (sources) when the name is
 * not known, no address answers in time, or one of them is not for us to dial.
 */
export async function reachHost(host: string, port: number, signal: AbortSignal): Promise<string[]> {
  const addresses = await resolve(host);
  if (addresses.some(isForbidden)) {
    throw unreachable(`The host ${host} leads to an address that repositories are not cloned from.`);
  }
  const errors: string[] = [];
  for (const address of addresses.slice(0, 4)) {
    signal.throwIfAborted();
    const error = await knock(address, port, signal);
    if (error === null) return addresses;
    errors.push(error);
  }
  signal.throwIfAborted();
  const reason = errors.includes('ECONNREFUSED') ? 'refuses connections' : 'does not answer';
  throw unreachable(`The host ${host} ${reason} on port ${port}.`);
}

async function resolve(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (err) {
    throw unreachable(`The host ${host} is not known.`, err);
  }
}

/** Null when the port takes a connection, else the error's code. */
function knock(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: connectLimitMs });
    const end = (error: string | null) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      done(error);
    };
    const onAbort = () => end('ABORTED');
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('ETIMEDOUT'));
    socket.once('error', (err: NodeJS.ErrnoException) => end(err.code ?? 'ERROR'));
  });
}

function unreachable(message: string, cause?: unknown): Failed {
  return new Failed(
    {
      class: 'sources',
      message,
      advice: 'Check the host and port in the repository URL, and that this machine may reach it; then retry.',
    },
    cause,
  );
}
