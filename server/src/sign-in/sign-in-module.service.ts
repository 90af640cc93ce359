/** The ways of signing in besides the password, as administrators set them up. Their secrets go in and never come out. */
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, uniqueViolation } from '../db.ts';
import type { SignInModule } from '../generated/prisma/client.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import { nameSchema } from '../user/login.ts';
import { type ModuleSettings, moduleSettingsSchema } from './module-settings.ts';
import { signInStore } from './sign-in.store.ts';

export const signInModuleSchema = z.object({
  name: nameSchema,
  isEnabled: z.boolean().default(true),
  settings: moduleSettingsSchema,
  /** Left out, the present one stays. */
  clientSecret: z.string().min(1).max(2000).nullish(),
});

/** More are a mistake in a script. */
const MAX_MODULES = 1000;

export type OpenedModule = Omit<SignInModule, 'settings' | 'secret'> & { settings: ModuleSettings; secret: string };

export class SignInModuleService {
  readonly #db: Db;
  readonly #key: ServerKey;

  constructor(parts: { db: Db; key: ServerKey }) {
    this.#db = parts.db;
    this.#key = parts.key;
  }

  /** In the order of the sign-in page. Throws FORBIDDEN. */
  list(actor: Actor): Promise<SignInModule[]> {
    mustMay(actor, 'user.read');
    return reading(() => signInStore.list(this.#db));
  }

  /** What everybody is shown who is to sign in. */
  async offered(): Promise<{ id: string; name: string }[]> {
    const rows = await reading(() => signInStore.list(this.#db));
    return rows.filter(({ isEnabled }) => isEnabled).map(({ id, name }) => ({ id, name }));
  }

  /** With its secret, for a sign-in. Null when it is unknown or off. */
  async open(id: string): Promise<OpenedModule | null> {
    const row = isId('signInModule', id) ? await reading(() => signInStore.find(this.#db, id)) : null;
    if (!row?.isEnabled || row.secret === null) return null;
    return {
      ...row,
      settings: moduleSettingsSchema.parse(row.settings),
      secret: this.#key.open(row.secret, purposeOf(row.id)),
    };
  }

  async create(actor: Actor, input: z.input<typeof signInModuleSchema>): Promise<SignInModule> {
    mustMay(actor, 'user.change');
    const { clientSecret, ...fields } = parseInput(signInModuleSchema, input);
    if (!clientSecret) throw secretMissing('a new module needs the client’s secret');
    const id = signInStore.newId();
    const secret = this.#key.seal(clientSecret, purposeOf(id));
    return this.#uniquelyNamed(fields.name, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await signInStore.list(tx)).length >= MAX_MODULES) {
          throw new AppError({ code: 'QUOTA_EXCEEDED', message: `there are ${MAX_MODULES} modules already` });
        }
        return signInStore.insert(tx, id, { kind: 'oidc', ...fields, secret });
      }),
    );
  }

  /** Another issuer or client must not get the secret of the one before: it is to be given again. */
  async update(actor: Actor, id: string, input: z.input<typeof signInModuleSchema>): Promise<SignInModule> {
    mustMay(actor, 'user.change');
    const row = await this.#get(id);
    const { clientSecret, ...fields } = parseInput(signInModuleSchema, input);
    const { issuer, clientId } = moduleSettingsSchema.parse(row.settings);
    const isMoved = issuer !== fields.settings.issuer || clientId !== fields.settings.clientId;
    if (isMoved && !clientSecret) throw secretMissing('give the secret again: the issuer or the client has changed');
    const secret = clientSecret ? { secret: this.#key.seal(clientSecret, purposeOf(row.id)) } : {};
    const isUpdated = await this.#uniquelyNamed(fields.name, () =>
      inTransaction(this.#db, (tx) => signInStore.update(tx, row, { ...fields, ...secret })),
    );
    if (!isUpdated) {
      const message =
        'somebody else has changed this module in the meantime: look at it again, then repeat your change';
      throw new AppError({ code: 'WRONG_STATE', message });
    }
    return this.#get(id);
  }

  /** Its identities go with it; the users stay, with whatever other ways in they have. */
  async delete(actor: Actor, id: string): Promise<SignInModule> {
    mustMay(actor, 'user.change');
    const row = await this.#get(id);
    await inTransaction(this.#db, (tx) => signInStore.delete(tx, row.id));
    return row;
  }

  async #get(id: string): Promise<SignInModule> {
    const row = isId('signInModule', id) ? await reading(() => signInStore.find(this.#db, id)) : null;
    if (!row) throw notFound('sign-in module');
    return row;
  }

  async #uniquelyNamed<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw new AppError({ code: 'NAME_TAKEN', message: `there is already a module "${name}": choose another name` });
    }
  }
}

function purposeOf(id: string): string {
  return `sign_in_modules.secret ${id}`;
}

function secretMissing(message: string): AppError {
  return invalidInput([{ path: 'clientSecret', message }]);
}
