/**
 * Tickets for one target in one environment. A ticket lives for minutes and opens any number of streams in that time, so one
 * is kept while it is fresh; whoever needs one while another is being asked for waits for the same.
 */
import { type Clock, systemClock } from '@easel/kit/clock';
import { CLIENT_TICKET_SECONDS } from '@easel/schema/wire/ticket';
import { createTicketMutation } from '../api/account.ts';
import type { Api } from '../api/api.ts';

export interface Ticket {
  readonly relayUrl: string;
  readonly token: string;
}

export interface TicketSource {
  get(): Promise<Ticket>;
  /** The relay did not take it: the next one is asked for anew. */
  drop(ticket: Ticket): void;
}

export type TicketTarget = { readonly port: number } | { readonly ssh: true };

/** Counted on this machine's clock from the moment of asking, since the server's clock may be another. */
const FRESH_MS = (CLIENT_TICKET_SECONDS - 60) * 1000;

export function createTicketSource(
  api: Pick<Api, 'ask'>,
  environmentId: string,
  target: TicketTarget,
  clock: Clock = systemClock,
): TicketSource {
  let kept: { ticket: Promise<Ticket>; askedMs: number } | undefined;
  return {
    async get() {
      if (!kept || clock.now() - kept.askedMs >= FRESH_MS) {
        const ticket = api.ask(createTicketMutation, { input: { environment: environmentId, ...target } });
        const asked = { ticket, askedMs: clock.now() };
        kept = asked;
        ticket.catch(() => {
          if (kept === asked) kept = undefined;
        });
      }
      return kept.ticket;
    },
    drop(ticket) {
      const dropped = kept;
      void dropped?.ticket.then((current) => {
        if (current === ticket && kept === dropped) kept = undefined;
      });
    },
  };
}
