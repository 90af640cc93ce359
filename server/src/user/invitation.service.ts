/**
 * Invitations: a link that makes its holder a user, once, with roles that were chosen before. Only the hash of its code is
 * kept, so the link is shown once; whoever has lost it is invited anew.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { NamespaceId, UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Invitation } from '../generated/prisma/client.ts';
import { addressSchema } from '../mail/address.ts';
import { languageOf } from '../mail/language.ts';
import type { MailService } from '../mail/mail.service.ts';
import { TEMPLATES } from '../mail/templates.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { momentText } from '../notification/say.ts';
import { parseInput } from '../parse-input.ts';
import { type Grant, wordGrants } from '../rights/grants.ts';
import { mustHold, mustMay } from '../rights/may.ts';
import { rightsOf } from '../rights/rights.ts';
import { isNamespaceRole, isSystemRole } from '../rights/roles.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import { invitationStore } from './invitation.store.ts';
import { loginSchema, nameSchema } from './login.ts';
import type { Device } from './session.service.ts';
import type { SignInAttempts } from './sign-in-attempts.ts';
import { newPasswordSchema, type UserService } from './user.service.ts';
import { rolesSchema } from './user-admin.service.ts';
import type { UserRow } from './user-row.ts';

export const createInvitationSchema = rolesSchema.extend({
  name: nameSchema,
  email: addressSchema.nullish(),
  /** Ids of groups that whoever joins is put into. */
  groups: z
    .array(z.string().max(200))
    .max(100)
    .nullish()
    .transform((ids) => [...new Set(ids ?? [])]),
  lifetimeHours: z
    .number()
    .int()
    .min(1)
    .max(30 * 24)
    .nullish(),
});

const joinSchema = z.object({ login: loginSchema, name: nameSchema, password: newPasswordSchema });

/** Over a long weekend. */
const USUAL_HOURS = 7 * 24;
/** More are a mistake in a script. */
const MAX_OPEN = 1000;

export interface InvitationShown {
  name: string;
  email: string | null;
  invitedBy: string;
  expiresAt: Date;
}

export class InvitationService {
  readonly #parts: InvitationServiceParts;
  readonly #db: Db;

  constructor(parts: InvitationServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Those that can still be used, the newest first. */
  list(actor: Actor): Promise<Invitation[]> {
    mustMay(actor, 'user.read');
    return reading(() => invitationStore.list(this.#db, this.#now()));
  }

  /** `code` is never to be had again. */
  async create(
    actor: Actor,
    input: z.input<typeof createInvitationSchema>,
  ): Promise<{ invitation: Invitation; code: string; isMailed: boolean }> {
    mustMay(actor, 'user.change');
    const { name, email, systemRole, role, namespace, groups, lifetimeHours } = parseInput(
      createInvitationSchema,
      input,
    );
    const { userId } = asUser(actor);
    const namespaceId = await this.#parts.namespaces.idOf(namespace);
    const words = wordGrants({ systemRole, role }, namespaceId);
    const given = rightsOf([...words, ...(await this.#parts.groups.grantsOfAll(groups))]);
    mustHold(actor, given, 'to invite with this');
    const code = newSecret();
    // Another one than is shown: who comes by it reads the mail of this address.
    const mailCode = newSecret();
    const now = this.#now();
    return inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, userId);
      if ((await invitationStore.countOpen(tx, now)) >= MAX_OPEN) {
        const message = `there are ${MAX_OPEN} open invitations: withdraw some that nobody needs`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message });
      }
      const invitation = await invitationStore.insert(tx, {
        codeHash: hashSecret(code),
        mailCodeHash: email ? hashSecret(mailCode) : null,
        name,
        email: email ?? null,
        systemRole,
        role,
        namespaceId,
        groupIds: groups,
        invitedById: userId,
        createdAt: now,
        expiresAt: new Date(now.getTime() + (lifetimeHours ?? USUAL_HOURS) * 3_600_000),
      });
      const inviter = await this.#parts.users.get(userId, tx);
      const isMailed = email ? await this.#mail(tx, { to: email, invitation, inviter, code: mailCode }) : false;
      await this.#parts.onInvited(tx, { invitation, by: inviter });
      return { invitation, code, isMailed };
    });
  }

  /** Throws NOT_FOUND for one that is used or expired, too. */
  async withdraw(actor: Actor, id: string): Promise<Invitation> {
    mustMay(actor, 'user.change');
    const row = await inTransaction(this.#db, (tx) => invitationStore.end(tx, { id }, this.#now()));
    if (!row) throw notFound('invitation');
    return row;
  }

  /** What its holder is shown before joining. Throws UNAUTHENTICATED for a code that opens nothing. */
  async show(code: string, from: Device): Promise<InvitationShown> {
    const attempt = this.#parts.attempts.begin(from.address, null);
    const row = await reading(() => invitationStore.findOpen(this.#db, hashSecret(code), this.#now()));
    if (!row) {
      attempt.failed();
      throw noInvitation();
    }
    const { name, email, invitedBy, expiresAt } = row;
    return { name, email, invitedBy: invitedBy.name, expiresAt };
  }

  /** Makes the user; the caller signs him in. Throws UNAUTHENTICATED, INVALID_INPUT or NAME_TAKEN; then the code is still good. */
  async join(code: string, input: z.input<typeof joinSchema>, from: Device): Promise<UserId> {
    await this.show(code, from);
    const { login, name, password } = parseInput(joinSchema, input);
    const passwordHash = await this.#parts.users.hash(password);
    return inTransaction(this.#db, async (tx): Promise<UserId> => {
      const row = await invitationStore.end(tx, { codeHash: hashSecret(code) }, this.#now());
      if (!row) throw noInvitation();
      const { email, systemRole, role, namespaceId, groupIds, mailCodeHash, invitedById } = row;
      const isThere = namespaceId === null || (await this.#parts.namespaces.has(namespaceId));
      const roles = {
        namespaceId: namespaceId as NamespaceId | null,
        systemRole: systemRole !== null && isSystemRole(systemRole) ? systemRole : null,
        role: role !== null && isThere && isNamespaceRole(role) ? role : null,
      };
      const emailVerifiedAt = email !== null && mailCodeHash === hashSecret(code) ? this.#now() : null;
      const user = { kind: 'person' as const, login, name, email, emailVerifiedAt, passwordHash, ...roles };
      const { id } = await this.#parts.users.insert(tx, user);
      const values = { name, login };
      const told = { kind: 'invitationAccepted' as const, thingId: id, values };
      await this.#parts.notifications.tell(tx, { userId: invitedById as UserId, ...told });
      await this.#parts.groups.join(tx, id, groupIds);
      return id;
    });
  }

  /** In the language of whoever invites: nobody knows the other's yet. */
  #mail(tx: Tx, mail: { to: string; invitation: Invitation; inviter: UserRow; code: string }): Promise<boolean> {
    const { to, invitation, inviter, code } = mail;
    const language = languageOf(inviter.language);
    const content = TEMPLATES.invitation[language]({
      invitedBy: inviter.name,
      name: invitation.name,
      until: momentText(invitation.expiresAt, language),
      path: `/join?code=${code}`,
    });
    return this.#parts.mails.enqueue(tx, 'invitation', { to, language, content });
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface InvitationServiceParts {
  db: Db;
  clock: Clock;
  users: UserService;
  attempts: SignInAttempts;
  mails: MailService;
  notifications: NotificationService;
  namespaces: NamespaceService;
  groups: InvitationGroups;
  /** Tells whoever listens, in the same transaction. */
  onInvited: (tx: Tx, invited: { invitation: Invitation; by: UserRow }) => Promise<void>;
}

/** Groups that an invitation puts whoever joins into. */
interface InvitationGroups {
  grantsOfAll: (ids: readonly string[]) => Promise<Grant[]>;
  join: (tx: Tx, userId: UserId, ids: readonly string[]) => Promise<void>;
}

function noInvitation(): AppError {
  const message = 'this invitation was used before, was withdrawn or is too old: ask for a new one';
  return new AppError({ code: 'UNAUTHENTICATED', message });
}
