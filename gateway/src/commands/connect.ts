import { type Duplex, finished } from 'node:stream';
import type { EnvironmentWithAccess } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { badUsage, CommandError } from '../failure.ts';
import type { Io } from '../io.ts';
import { dialEnvironment } from '../tunnel/dial.ts';
import { createTicketSource } from '../tunnel/tickets.ts';
import { findRunning, serveForwards } from './open.ts';

interface ConnectOptions {
  readonly port?: number;
  readonly localPort?: number;
  readonly stdio?: true;
  readonly ssh?: true;
}

export async function connect(context: Context, name: string, options: ConnectOptions): Promise<void> {
  if (options.ssh && !options.stdio) throw badUsage('--ssh needs --stdio: `easel ssh` opens a shell');
  const api = await context.api();
  const environment = await findRunning(api, name);
  if (options.stdio) {
    const target = options.ssh ? { ssh: true as const } : { port: portOf(environment, options) };
    const { signal } = context.io;
    await tieStdio(context.io, await dialEnvironment(createTicketSource(api, environment.id, target), { signal }));
    return;
  }
  const remotePort = portOf(environment, options);
  const { out } = context;
  await serveForwards(context, {
    api,
    environment,
    host: '127.0.0.1',
    mappings: [{ localPort: options.localPort ?? 0, remotePort }],
    onListening: (forwards) => {
      out.json({ id: environment.id, name: environment.name, forwards });
      const address = forwards[0]?.address;
      const what = options.port === undefined ? 'the IDE' : `port ${remotePort}`;
      out.line(`${out.paint('bold', address ?? '')} leads to ${what} of ${environment.name}`);
      out.line(`Open http://${address} in a browser, or give ${address} to the client that speaks to it.`);
      out.note('Ctrl-C ends it');
    },
  });
}

/** The port that was named, else the environment's IDE port. Throws NO_IDE_PORT. */
function portOf({ name, idePort }: EnvironmentWithAccess, { port }: ConnectOptions): number {
  const found = port ?? idePort;
  if (found !== null) return found;
  throw new CommandError(
    'NO_IDE_PORT',
    `${name} has no IDE port, since its template names none: name a port with --port, or use \`easel ssh ${name}\``,
  );
}

/**
 * The standard input goes in, what comes goes to the standard output; the end of the input is a half-close. Over when the
 * other side has ended, whether or not the input goes on.
 */
function tieStdio({ stdin, stdout, signal }: Io, stream: Duplex): Promise<void> {
  const over = Promise.withResolvers<void>();
  const onAbort = () => over.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  finished(stream, { writable: false }, (err) => (err ? over.reject(err) : over.resolve()));
  stream.on('error', over.reject);
  stdin.on('error', over.reject);
  stdin.pipe(stream);
  stream.pipe(stdout, { end: false });
  return over.promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    stdin.unpipe(stream);
    stream.destroy();
  });
}
