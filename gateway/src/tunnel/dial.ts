/**
 * A stream into the environment. The relay or the server may be restarting just now: what may be over in a moment is tried
 * again for a while, since whoever connected is better served by a late answer than by none.
 */
import type { Duplex } from 'node:stream';
import { retry } from '@easel/kit/backoff';
import type { Clock } from '@easel/kit/clock';
import { dialStream } from '@easel/kit/stream-dial';
import { AppError } from '@easel/schema/errors';
import type { TicketSource } from './tickets.ts';

export interface DialOptions {
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Told of each try that failed and is made again. */
  readonly onRetry?: (err: unknown) => void;
}

/** Some 20 s in all: a relay is back in a few. */
const ATTEMPTS = 10;
const BACKOFF = { baseMs: 250, maxMs: 4_000 };

/** Throws what the relay or the API refuses, PORT_CLOSED above all. */
export async function dialEnvironment(tickets: TicketSource, options: DialOptions): Promise<Duplex> {
  let wasTicketRefused = false;
  return retry(
    async () => {
      const ticket = await tickets.get();
      try {
        return await dialStream({ url: ticket.relayUrl, token: ticket.token, signal: options.signal });
      } catch (err) {
        if (codeOf(err) === 'TICKET_INVALID') tickets.drop(ticket);
        throw err;
      }
    },
    {
      attempts: ATTEMPTS,
      backoff: BACKOFF,
      signal: options.signal,
      ...(options.clock ? { clock: options.clock } : {}),
      onRetry: options.onRetry ?? (() => undefined),
      isRetryable: (err) => {
        if (codeOf(err) !== 'TICKET_INVALID') return (err as { retryable?: boolean }).retryable === true;
        // Signed with a key that is no longer there, or too old by the relay's clock: a new one may do, once.
        const isFirst = !wasTicketRefused;
        wasTicketRefused = true;
        return isFirst;
      },
    },
  );
}

function codeOf(err: unknown): unknown {
  return err instanceof AppError ? err.code : undefined;
}
