/** What `forward` and `connect` have in common: an environment that runs, and local ports that lead into it. */
import { once } from 'node:events';
import type { Api } from '../api/api.ts';
import type { EnvironmentWithAccess } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { CommandError, describeFailure } from '../failure.ts';
import { dialEnvironment } from '../tunnel/dial.ts';
import { type Listener, listen } from '../tunnel/listener.ts';
import type { Mapping } from '../tunnel/mapping.ts';
import { createTicketSource } from '../tunnel/tickets.ts';
import { findEnvironment } from './find.ts';

/** Throws NOT_FOUND, or ENVIRONMENT_NOT_RUNNING with what to do. */
export async function findRunning(api: Api, nameOrId: string): Promise<EnvironmentWithAccess> {
  const environment = await findEnvironment(api, nameOrId);
  const { name, phase } = environment;
  // While it is interrupted its worker may be back at any moment: the way in is tried, not refused.
  if (phase === 'running' || phase === 'interrupted') return environment;
  const isComing = phase === 'queued' || phase === 'provisioning' || phase === 'starting';
  const advice = isComing ? `\`easel start ${name} --wait\` waits for it` : `\`easel start ${name} --wait\` starts it`;
  throw new CommandError('ENVIRONMENT_NOT_RUNNING', `${name} is ${phase}; ${advice}`);
}

export interface OpenForward {
  /** `host:port` on this machine. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly remotePort: number;
}

/**
 * Listens for all mappings, calls `onListening` once, and serves until the command is interrupted, which is how it ends.
 * Throws PORT_TAKEN when one of the ports is taken; then none is left open.
 */
export async function serveForwards(
  context: Context,
  options: {
    api: Api;
    environment: EnvironmentWithAccess;
    host: string;
    mappings: readonly Mapping[];
    onListening: (forwards: OpenForward[]) => void;
  },
): Promise<void> {
  const { signal } = context.io;
  const { host } = options;
  const listeners: Listener[] = [];
  try {
    const forwards: OpenForward[] = [];
    for (const { localPort, remotePort } of options.mappings) {
      const listener = await listen({ host, port: localPort, ...servingOf(context, options, remotePort) });
      listeners.push(listener);
      const { port } = listener;
      forwards.push({ address: `${host.includes(':') ? `[${host}]` : host}:${port}`, host, port, remotePort });
    }
    options.onListening(forwards);
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}

function servingOf(
  { out }: Context,
  { api, environment }: { api: Api; environment: EnvironmentWithAccess },
  remotePort: number,
) {
  const tickets = createTicketSource(api, environment.id, { port: remotePort });
  return {
    dial: (signal: AbortSignal) =>
      dialEnvironment(tickets, {
        signal,
        onRetry: (err) => out.note(`port ${remotePort}: ${(err as Error).message}; trying again`),
      }),
    onRefused: (err: unknown) => out.warn(describeFailure(err), `port ${remotePort}`),
  };
}
