/** The ways of signing in besides the password, as administrators set them up. Their secrets go in and never come out. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { SignInModule } from '../generated/prisma/client.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
import { nameSchema } from '../user/login.ts';
import { type Checked, checkDirectory } from './ldap-check.ts';
import type { Directories } from './ldap-directory.ts';
import {
  kindOf,
  moduleSettingsSchema,
  ofKind,
  type SettingsOf,
  SIGN_IN_KINDS,
  type SignInKind,
  settingsOf,
} from './module-settings.ts';
import { signInStore } from './sign-in.store.ts';

export const signInModuleSchema = z.object({
  name: nameSchema,
  isEnabled: z.boolean().default(true),
  settings: moduleSettingsSchema,
  /** The client's, or the password of the bind account. Left out, the present one stays. */
  secret: z.string().min(1).max(2000).nullish(),
});

/** More are a mistake in a script. */
const MAX_MODULES = 1000;

export type OpenedModule<Kind extends SignInKind = SignInKind> = Omit<SignInModule, 'settings' | 'secret'> & {
  settings: SettingsOf<Kind>;
  secret: string | null;
};

export class SignInModuleService {
  readonly #db: Db;
  readonly #key: ServerKey;
  readonly #clock: Clock;
  readonly #directories: Directories;

  readonly #endSessions: (tx: Tx, moduleId: string) => Promise<unknown>;

  constructor(parts: {
    db: Db;
    key: ServerKey;
    clock: Clock;
    directories: Directories;
    /** Those that came by this module. */
    endSessions: (tx: Tx, moduleId: string) => Promise<unknown>;
  }) {
    this.#endSessions = parts.endSessions;
    this.#directories = parts.directories;
    this.#db = parts.db;
    this.#key = parts.key;
    this.#clock = parts.clock;
  }

  /** In the order of the sign-in page. Throws FORBIDDEN. */
  list(actor: Actor): Promise<SignInModule[]> {
    mustMay(actor, 'user.read');
    return this.#list();
  }

  /** What everybody is shown who is to sign in. `startPath` is null for one whose people use the form. */
  async offered(): Promise<{ id: string; name: string; kind: SignInKind; startPath: string | null }[]> {
    const rows = await this.#list();
    return rows
      .filter(({ isEnabled }) => isEnabled)
      .map((row) => {
        const settings = settingsOf(row);
        return { id: row.id, name: row.name, kind: settings.kind, startPath: kindOf(settings).startPath(row.id) };
      });
  }

  async has(id: string): Promise<boolean> {
    return (await this.#find(id)) !== null;
  }

  /** With its secret, for a sign-in. Null when it is unknown, off, or of another kind. */
  async open<Kind extends SignInKind>(id: string, kind: Kind): Promise<OpenedModule<Kind> | null> {
    const row = await this.#find(id);
    return row?.isEnabled && row.kind === kind ? this.#opened<Kind>(row) : null;
  }

  /** Throws FORBIDDEN or NOT_FOUND. */
  get(actor: Actor, id: string): Promise<SignInModule> {
    mustMay(actor, 'user.read');
    return this.#get(id);
  }

  /** Those that are on, for what is done without anybody asking. */
  async enabledOfKind<Kind extends SignInKind>(kind: Kind): Promise<{ id: string; settings: SettingsOf<Kind> }[]> {
    const rows = await this.#list();
    return rows.flatMap((row) => {
      const settings = row.isEnabled ? ofKind(row, kind) : null;
      return settings ? [{ id: row.id, settings }] : [];
    });
  }

  /** Whatever it is, though it be off: those who came by it are still looked after. */
  async openAny(id: string): Promise<OpenedModule | null> {
    const row = await this.#find(id);
    return row && this.#opened(row);
  }

  /** Null when it is unknown or off. */
  async kindOf(id: string): Promise<SignInKind | null> {
    const row = await this.#find(id);
    return row?.isEnabled ? settingsOf(row).kind : null;
  }

  /** Those of one kind that are on, in their order. */
  async openAll<Kind extends SignInKind>(kind: Kind): Promise<OpenedModule<Kind>[]> {
    const rows = (await this.#list()).filter((row) => row.isEnabled && row.kind === kind);
    return rows.map((row) => this.#opened<Kind>(row));
  }

  /** Says step by step what of a directory works; `login` is somebody to look for. Throws WRONG_STATE for other kinds. */
  async check(actor: Actor, id: string, login: string | null): Promise<Checked[]> {
    mustMay(actor, 'signIn.change');
    const row = await this.#get(id);
    if (row.kind !== 'ldap') {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'only directories can be tested: sign in by this module instead',
      });
    }
    const asked = { login: login?.trim() || null, now: this.#clock.now() };
    return checkDirectory(this.#directories, this.#opened<'ldap'>(row), asked);
  }

  async create(actor: Actor, input: z.input<typeof signInModuleSchema>): Promise<SignInModule> {
    mustMay(actor, 'signIn.change');
    const { secret: given, ...fields } = parseInput(signInModuleSchema, input);
    const kind = kindOf(fields.settings);
    if (!given && kind.needsSecret(fields.settings)) throw secretMissing(kind, 'a new module needs');
    const id = signInStore.newId();
    const secret = given ? { secret: this.#key.seal(given, purposeOf(id)) } : {};
    return uniquelyNamed({ what: 'a module', name: fields.name }, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await signInStore.list(tx)).length >= MAX_MODULES) {
          throw new AppError({ code: 'QUOTA_EXCEEDED', message: `there are ${MAX_MODULES} modules already` });
        }
        return signInStore.insert(tx, id, { ...fields, ...secret });
      }),
    );
  }

  /** Another provider must not get the secret that was given for the one before: it is to be given again. */
  async update(actor: Actor, id: string, input: z.input<typeof signInModuleSchema>): Promise<SignInModule> {
    mustMay(actor, 'signIn.change');
    const row = await this.#get(id);
    const { secret: given, ...fields } = parseInput(signInModuleSchema, input);
    const before = settingsOf(row);
    const kind = kindOf(fields.settings);
    if (before.kind !== fields.settings.kind) {
      throw invalidInput([{ path: 'kind', message: `a module stays of its kind, ${before.kind}: make another one` }]);
    }
    if (!given && kind.needsSecret(fields.settings)) {
      if (row.secret === null) throw secretMissing(kind, 'this module needs');
      if (kind.isMoved(before, fields.settings))
        throw secretMissing(kind, 'what it was given for has changed: give again');
    }
    const secret = given ? { secret: this.#key.seal(given, purposeOf(row.id)) } : {};
    const isUpdated = await uniquelyNamed({ what: 'a module', name: fields.name }, () =>
      inTransaction(this.#db, (tx) => signInStore.update(tx, row, { ...fields, ...secret })),
    );
    if (!isUpdated) {
      const message =
        'somebody else has changed this module in the meantime: look at it again, then repeat your change';
      throw new AppError({ code: 'WRONG_STATE', message });
    }
    return this.#get(id);
  }

  /** Puts it at this place of the order, 0 for the first; beyond the end, it becomes the last. Throws NOT_FOUND. */
  async move(actor: Actor, id: string, position: number): Promise<SignInModule> {
    mustMay(actor, 'signIn.change');
    const { id: moved } = await this.#get(id);
    await inTransaction(this.#db, async (tx) => {
      const others = (await signInStore.lockOrder(tx)).filter((other) => other !== moved);
      await signInStore.setOrder(tx, others.toSpliced(Math.max(0, position), 0, moved));
    });
    return this.#get(id);
  }

  /** Its identities go with it, and the sessions that came by it end; the users stay, with whatever other ways in they have. */
  async delete(actor: Actor, id: string): Promise<SignInModule> {
    mustMay(actor, 'signIn.change');
    const row = await this.#get(id);
    await inTransaction(this.#db, async (tx) => {
      await this.#endSessions(tx, row.id);
      await signInStore.delete(tx, row.id);
    });
    return row;
  }

  /** Those that this release knows the kind of. */
  async #list(): Promise<SignInModule[]> {
    return (await reading(() => signInStore.list(this.#db))).filter(isKnown);
  }

  async #find(id: string): Promise<SignInModule | null> {
    const row = isId('signInModule', id) ? await reading(() => signInStore.find(this.#db, id)) : null;
    return row && isKnown(row) ? row : null;
  }

  async #get(id: string): Promise<SignInModule> {
    const row = await this.#find(id);
    if (!row) throw notFound('sign-in module');
    return row;
  }

  #opened<Kind extends SignInKind>(row: SignInModule): OpenedModule<Kind> {
    const secret = row.secret === null ? null : this.#key.open(row.secret, purposeOf(row.id));
    return { ...row, settings: settingsOf(row) as SettingsOf<Kind>, secret };
  }
}

function purposeOf(id: string): string {
  return `sign_in_modules.secret ${id}`;
}

function isKnown({ kind }: SignInModule): boolean {
  return (SIGN_IN_KINDS as string[]).includes(kind);
}

function secretMissing({ secretField }: { secretField: string | null }, why: string): AppError {
  return invalidInput([{ path: secretField ?? 'secret', message: `${why} the secret` }]);
}

/** Throws NOT_FOUND for one that is unknown, off, or of another kind. */
export async function requireModule<Kind extends SignInKind>(
  modules: SignInModuleService,
  id: string,
  kind: Kind,
): Promise<OpenedModule<Kind>> {
  const module = await modules.open(id, kind);
  if (!module) throw new AppError({ code: 'NOT_FOUND', message: 'there is no such way of signing in any more' });
  return module;
}
