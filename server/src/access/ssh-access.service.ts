/**
 * May this public key, or this certificate, enter? A jump asks at every SSH login and again for every channel, so that a
 * revoked key gets nothing new. Without an address nothing has been proven yet: it says whether the key would do, gives no ticket
 * and notes nothing. `login` is what came as the SSH user: the name or id of one of the key owner's environments, or of one that
 * is shared with him, or, for `ssh -J`, the owner's own login. `environment` is the destination of an `ssh -J`. Of a name, the own
 * environment wins; among what is shared it must be the only one.
 *
 * Unknown login, unknown key, unknown environment and somebody else's environment get one and the same refusal.
 */
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { nameSchema } from '@easel/schema/names';
import { z } from 'zod';
import type { PlatformActor, UserActor } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { EnvironmentRow, SeenEnvironment } from '../environment/environment-row.ts';
import { parseInput } from '../parse-input.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import type { SharedWithService } from '../share/shared-with.service.ts';
import type { TicketService } from '../ticket/ticket.service.ts';
import { type Entry, entryBy } from './entry.ts';
import { type Candidate, candidatesOf, type SshCredentialsParts } from './ssh-credentials.ts';

const authorizeSshSchema = z.object({
  login: z.string().max(200),
  publicKey: z.string().max(16_384).nullish(),
  /** In place of a key. */
  certificate: z.string().max(16_384).nullish(),
  isUserVerified: z.boolean().nullish(),
  environment: z.string().max(200).nullish(),
  address: z.string().max(100).nullish(),
});

/** The fields of an environment are null when `login` is the user's own and no destination is named. */
export interface SshGrant {
  userId: UserId;
  environment: EnvironmentRow | null;
  relayUrl: string | null;
  /** Null while the environment does not run, or the platform has no relay. */
  ticket: string | null;
  /** By which share the user comes in; null for his own. */
  shareId: string | null;
}

export class SshAccessService {
  readonly #credentials: SshCredentialsParts;
  readonly #environments: EnvironmentService;
  readonly #platforms: PlatformService;
  readonly #tickets: TicketService;
  readonly #audit: AuditService;
  readonly #shared: SharedWithService;

  constructor(
    parts: SshCredentialsParts & {
      environments: EnvironmentService;
      platforms: PlatformService;
      tickets: TicketService;
      audit: AuditService;
      shared: SharedWithService;
    },
  ) {
    this.#credentials = parts;
    this.#environments = parts.environments;
    this.#platforms = parts.platforms;
    this.#tickets = parts.tickets;
    this.#audit = parts.audit;
    this.#shared = parts.shared;
  }

  /** Throws FORBIDDEN with one same message for everything that is wrong. */
  async authorize(actor: PlatformActor, input: z.input<typeof authorizeSshSchema>): Promise<SshGrant> {
    const { login, environment, ...said } = parseInput(authorizeSshSchema, input);
    const { publicKey = null, certificate = null, isUserVerified = null, address = null } = said;
    const candidates = await candidatesOf(this.#credentials, { publicKey, certificate, isUserVerified, address });
    for (const candidate of candidates) {
      const grant = await this.#grant(actor, candidate, { login, destination: environment ?? null, address });
      if (!grant) continue;
      if (address === null) return { ...grant, ticket: null };
      await candidate.markUsed(address);
      await this.#noteEntry(candidate, grant, address);
      return grant;
    }
    // A key that nobody has says nothing; what is typed as a login may be anything, also a password.
    const wish = environment ?? login;
    const thingName = nameSchema.safeParse(wish).success ? wish : null;
    const from = { address, requestId: null };
    for (const { actor: owner } of address === null ? [] : candidates) {
      await this.#audit.refused({ action: 'enterBySsh', actor: owner, from, thingName, outcome: 'FORBIDDEN' });
    }
    throw new AppError({ code: 'FORBIDDEN', message: REFUSAL });
  }

  async #noteEntry(
    { actor, details }: Candidate,
    { ticket, environment, shareId }: SshGrant,
    address: string,
  ): Promise<void> {
    if (ticket === null || !environment) return;
    const { id: thingId, name: thingName } = environment;
    const from = { address, requestId: null };
    const args = { ...details, ...(shareId === null ? {} : { share: shareId }) };
    await this.#audit.entered({ action: 'enterBySsh', actor, from, thingId, thingName, args });
  }

  async #grant(
    actor: PlatformActor,
    { actor: owner, only }: Candidate,
    wish: { login: string; destination: string | null; address: string | null },
  ): Promise<SshGrant | null> {
    const { userId } = owner;
    const named = await this.#enterable(owner, wish.login);
    if (!named && wish.login !== owner.login) return null;
    if (only !== null && named?.row.id !== only) return null;
    if (!named && wish.destination === null) {
      return { userId, environment: null, relayUrl: null, ticket: null, shareId: null };
    }
    const found = wish.destination === null ? named : await this.#enterable(owner, wish.destination);
    if (!found || found.row.platformId !== actor.platformId) return null;
    if (only !== null && found.row.id !== only) return null;
    const { row: environment, entry } = found;
    const shareId = entry.share?.shareId ?? null;
    const relayUrl = (await this.#platforms.find(environment.platformId))?.relayUrl ?? null;
    if (environment.phase !== 'running' || relayUrl === null) {
      return { userId, environment, relayUrl, ticket: null, shareId };
    }
    // Through `ssh -J` the worker checks the key itself, end to end; otherwise the jump has just done so.
    const auth = wish.destination === null ? 'ticket' : 'publickey';
    if (entry.share && wish.address !== null) await this.#shared.noteEntry(entry.share, environment.id);
    const from = wish.address === null ? {} : { address: wish.address };
    const { token } = await this.#tickets.forClient({ ...entry.claims, ...from, target: { kind: 'ssh', auth } });
    return { userId, environment, relayUrl, ticket: token, shareId };
  }

  async #enterable(owner: UserActor, nameOrId: string): Promise<{ row: SeenEnvironment; entry: Entry } | null> {
    const row = await this.#environments.find(owner, nameOrId);
    const entry = row && row.phase !== 'deleted' ? entryBy(owner, { act: 'environment.enter' }, row) : null;
    return row && entry && { row, entry };
  }
}

const REFUSAL = 'there is no such environment, or this key may not enter it';
