/** Tickets that users ask for, to reach a port or the SSH side of their own environment, or of one that is shared with them. */
import { AppError } from '@easel/schema/errors';
import type { Target } from '@easel/schema/wire/ticket';
import { z } from 'zod';
import { type Actor, asUser, forbidden, notFound } from '../actor.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import { parseInput } from '../parse-input.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import type { SharedWithService } from '../share/shared-with.service.ts';
import type { TicketService } from '../ticket/ticket.service.ts';
import { entryBy, type WayIn } from './entry.ts';

const createTicketSchema = z
  .object({
    /** Id or name. */
    environment: z.string().min(1).max(200),
    port: z.number().int().min(1).max(65_535).nullish(),
    ssh: z.boolean().nullish(),
  })
  .refine(({ port, ssh }) => (port == null) !== (ssh !== true), {
    path: ['port'],
    message: 'name either a port, or ssh: true',
  });

export interface RelayTicket {
  relayUrl: string;
  token: string;
  expiresAt: Date;
}

export class TicketAccessService {
  readonly #environments: EnvironmentService;
  readonly #platforms: PlatformService;
  readonly #tickets: TicketService;
  readonly #shared: SharedWithService;

  constructor(parts: {
    environments: EnvironmentService;
    platforms: PlatformService;
    tickets: TicketService;
    shared: SharedWithService;
  }) {
    this.#environments = parts.environments;
    this.#platforms = parts.platforms;
    this.#tickets = parts.tickets;
    this.#shared = parts.shared;
  }

  /**
   * Throws NOT_FOUND, FORBIDDEN for a guest to whom this is not shared, ENVIRONMENT_NOT_RUNNING, or PLATFORM_UNAVAILABLE when
   * its platform has no relay.
   */
  async create(actor: Actor, input: z.input<typeof createTicketSchema>): Promise<RelayTicket> {
    const user = asUser(actor);
    const wish = parseInput(createTicketSchema, input);
    const row = await this.#environments.get(actor, wish.environment, 'read');
    const way: WayIn = wish.port == null ? { act: 'environment.enter' } : { act: 'environment.reach', port: wish.port };
    const entry = entryBy(user, way, row);
    if (!entry) {
      if (row.shares.length === 0) throw notFound('environment');
      const what = wish.port == null ? 'SSH' : `port ${wish.port}`;
      throw forbidden(`of this environment ${what} is not shared with you: ask its owner`);
    }
    if (row.phase !== 'running') {
      throw new AppError({
        code: 'ENVIRONMENT_NOT_RUNNING',
        message: `the environment is ${row.phase}: start it, or wait until it runs`,
        details: { phase: row.phase },
      });
    }
    const relayUrl = (await this.#platforms.find(row.platformId))?.relayUrl;
    if (!relayUrl) {
      throw new AppError({
        code: 'PLATFORM_UNAVAILABLE',
        message: 'the computing platform has no relay at the moment',
      });
    }
    const target: Target = wish.port == null ? { kind: 'ssh', auth: 'publickey' } : { kind: 'port', port: wish.port };
    if (entry.share) await this.#shared.noteEntry(entry.share, row.id);
    return { relayUrl, ...(await this.#tickets.forClient({ ...entry.claims, target })) };
  }
}
