/**
 * Gone at the provider, gone here: sessions that a module has opened are looked at there, and end when the provider says that
 * the person is not there any more. A provider that does not answer ends nothing.
 *
 * Every replica takes rows whose turn it is (session-check.store.ts), so the work spreads by itself, and a replica that dies
 * leaves its rows to the next turn. A refresh token that was used by one that died before it stored the next may be refused
 * then: the person signs in again.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { UserId } from '@easel/schema/ids';
import { ANONYMOUS } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import type { ServerKey } from '../server-key.ts';
import type { SessionService } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import type { GithubProvider } from './github.ts';
import type { Directories } from './ldap-directory.ts';
import { isActive } from './ldap-entry.ts';
import type { OidcProvider, Verdict } from './oidc.ts';
import { checkPurpose, type KeptOfProvider, type SessionCheckRow, sessionCheckStore } from './session-check.store.ts';
import type { OpenedModule, SignInModuleService } from './sign-in-module.service.ts';

export const CHECK_EVERY_MS = 10_000;
/** Rows of one turn, and how many of them at once: a slow provider must not make the turn longer than the next one's start. */
const PER_TURN = 200;
const AT_ONCE = 20;

interface ProviderCheckParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  audit: AuditService;
  directories: Directories;
  modules: SignInModuleService;
  users: UserService;
  sessions: SessionService;
  oidc: OidcProvider;
  github: GithubProvider;
}

export class ProviderCheck {
  readonly #parts: ProviderCheckParts;
  readonly #db: Db;

  constructor(parts: ProviderCheckParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** One turn. Gives how many people were signed out. */
  async sweep(): Promise<number> {
    const rows = await reading(() => sessionCheckStore.claim(this.#db, PER_TURN));
    const byModule = Map.groupBy(rows, ({ moduleId }) => moduleId);
    const ended = await Promise.all([...byModule].map(([moduleId, of]) => this.#lookAll(moduleId, of)));
    return ended.reduce((sum, count) => sum + count, 0);
  }

  /** Ends all sessions of these users that came by this module, with what is open by them. */
  async end(module: Pick<OpenedModule, 'id' | 'name'>, userIds: readonly UserId[], why: string): Promise<void> {
    for (const userId of userIds) {
      const count = await inTransaction(this.#db, (tx) => this.#parts.sessions.revokeOfModule(tx, module.id, userId));
      if (count === 0) continue;
      const { login } = await this.#parts.users.get(userId);
      const from = { address: null, requestId: null };
      const args = { module: module.name, why, sessions: count };
      const act = { action: 'endSessionsOfModule', actor: ANONYMOUS, from, thingId: userId, thingName: login, args };
      await this.#parts.audit.record(act, 'done');
      this.#parts.log.info({ userId, moduleId: module.id, why }, 'sessions of a sign-in module ended');
    }
  }

  /** Somebody has signed out at the provider. Whichever session of it he means, all that he has here by this module end. */
  async endOf(
    module: Pick<OpenedModule, 'id' | 'name'>,
    who: { subject: string | null; providerSession: string | null },
  ): Promise<void> {
    const userIds = await reading(() => sessionCheckStore.usersOf(this.#db, module.id, who));
    await this.end(module, userIds, 'signed out at the provider');
  }

  async #lookAll(moduleId: string, rows: SessionCheckRow[]): Promise<number> {
    const module = await this.#parts.modules.openAny(moduleId);
    if (!module) return 0;
    const verdicts = module.settings.kind === 'ldap' ? this.#inDirectory(module, rows) : this.#atProvider(module, rows);
    const gone = new Set<UserId>();
    for (const [row, verdict] of await verdicts) if (verdict === 'gone') gone.add(row.userId);
    await this.end(module, [...gone], 'the provider does not know this person any more');
    return gone.size;
  }

  async #atProvider(module: OpenedModule, rows: SessionCheckRow[]): Promise<[SessionCheckRow, Verdict][]> {
    const found: [SessionCheckRow, Verdict][] = [];
    for (let from = 0; from < rows.length; from += AT_ONCE) {
      const turn = rows.slice(from, from + AT_ONCE);
      found.push(
        ...(await Promise.all(
          turn.map(async (row) => [row, await this.#look(module, row)] as [SessionCheckRow, Verdict]),
        )),
      );
    }
    return found;
  }

  async #look(module: OpenedModule, row: SessionCheckRow): Promise<Verdict> {
    if (row.sealed === null || module.secret === null) return 'unknown';
    const { settings, secret } = module;
    const kept = JSON.parse(this.#parts.key.open(row.sealed, checkPurpose(row.sessionId))) as KeptOfProvider;
    const { oidc, github } = this.#parts;
    if (settings.kind !== 'oidc' && settings.kind !== 'github') return 'unknown';
    const { verdict, keeps } =
      settings.kind === 'oidc'
        ? await oidc.look({ ...module, settings, secret }, row.subject, kept)
        : await github.look({ ...module, settings, secret }, row.subject, kept);
    if (keeps !== kept) {
      const sealed = this.#parts.key.seal(JSON.stringify(keeps), checkPurpose(row.sessionId));
      await reading(() => sessionCheckStore.setSealed(this.#db, row.sessionId, sealed));
    }
    return verdict;
  }

  /** On one connection. Nobody is gone as long as the place where people are cannot be seen. */
  async #inDirectory(module: OpenedModule, rows: SessionCheckRow[]): Promise<[SessionCheckRow, Verdict][]> {
    if (module.settings.kind !== 'ldap') return [];
    const access = { settings: module.settings, secret: module.secret };
    try {
      return await this.#parts.directories.with(access, async (directory) => {
        if (!(await directory.hasBase())) throw new Error(`${access.settings.baseDn} is not to be seen`);
        const found: [SessionCheckRow, Verdict][] = [];
        for (const row of rows) {
          const entry = await directory.bySubject(row.subject);
          found.push([row, entry && isActive(entry, this.#parts.clock.now()) ? 'here' : 'gone']);
        }
        return found;
      });
    } catch (err) {
      this.#parts.log.warn({ err, moduleId: module.id }, 'a directory does not say whether somebody is still there');
      return [];
    }
  }
}
