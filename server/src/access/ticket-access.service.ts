/** Tickets that users ask for, to reach a port or the SSH side of their own environment through the relay. */
import { AppError } from '@easel/schema/errors';
import type { Target } from '@easel/schema/wire/ticket';
import { z } from 'zod';
import { type Actor, asUser } from '../actor.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import { parseInput } from '../parse-input.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import type { TicketService } from '../ticket/ticket.service.ts';

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

  constructor(parts: { environments: EnvironmentService; platforms: PlatformService; tickets: TicketService }) {
    this.#environments = parts.environments;
    this.#platforms = parts.platforms;
    this.#tickets = parts.tickets;
  }

  /** Throws NOT_FOUND, ENVIRONMENT_NOT_RUNNING, or PLATFORM_UNAVAILABLE when its platform has no relay. */
  async create(actor: Actor, input: z.input<typeof createTicketSchema>): Promise<RelayTicket> {
    const { userId, credential } = asUser(actor);
    const wish = parseInput(createTicketSchema, input);
    const row = await this.#environments.get(actor, wish.environment, 'enter');
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
    const claims = { environmentId: row.id, userId, credentialId: credential.id, target };
    return { relayUrl, ...(await this.#tickets.forClient(claims)) };
  }
}
