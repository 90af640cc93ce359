/**
 * Namespaces: templates and environments belong to one, and users and groups have roles in it. There is always the default one;
 * where nobody names another, it is meant.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { NamespaceId, UserId } from '@easel/schema/ids';
import { nameSchema } from '@easel/schema/names';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Namespace } from '../generated/prisma/client.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { may, mustMay } from '../rights/may.ts';
import type { NamespaceRole } from '../rights/roles.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
import { type NamespaceRow, namespaceStore } from './namespace.store.ts';

const DEFAULT_NAMESPACE = 'default';
/** Lists of them are not paged. */
const MAX_NAMESPACES = 500;

export interface NamespaceServiceParts {
  db: Db;
  clock: Clock;
  /** Takes away what others keep about it, in the same transaction. */
  onDelete: (tx: Tx, id: NamespaceId) => Promise<void>;
}

export class NamespaceService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #onDelete: NamespaceServiceParts['onDelete'];
  #defaultId: NamespaceId | null = null;

  constructor(parts: NamespaceServiceParts) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#onDelete = parts.onDelete;
  }

  async defaultId(): Promise<NamespaceId> {
    this.#defaultId ??= await inTransaction(this.#db, (tx) => namespaceStore.ensure(tx, DEFAULT_NAMESPACE));
    return this.#defaultId;
  }

  /** Those in which the actor sees the templates; for whoever sees to users, all. By name. */
  async list(actor: Actor): Promise<NamespaceRow[]> {
    await this.defaultId();
    return (await reading(() => namespaceStore.list(this.#db))).filter((row) => isSeen(actor, row));
  }

  some(ids: readonly string[]): Promise<Namespace[]> {
    return reading(() => namespaceStore.some(this.#db, ids));
  }

  has(id: string): Promise<boolean> {
    return reading(() => namespaceStore.has(this.#db, id));
  }

  /** How many templates and environments each of them has. */
  contents(ids: readonly string[]): Promise<Map<string, { templates: number; environments: number }>> {
    return reading(() => namespaceStore.contents(this.#db, ids));
  }

  /** Those in which the actor may do it, the default one first. Throws FORBIDDEN when there is none. */
  async whereMay(actor: Actor, act: ActInNamespace): Promise<NamespaceRow[]> {
    const defaultId = await this.defaultId();
    const all = await reading(() => namespaceStore.list(this.#db));
    const fitting = all.filter(({ id }) => may(actor, act, { namespaceId: id }));
    if (fitting.length === 0) mustMay(actor, act, { namespaceId: defaultId });
    return [...fitting.filter(({ id }) => id === defaultId), ...fitting.filter(({ id }) => id !== defaultId)];
  }

  /**
   * Where the actor does it: in the namespace that is named by id or name; else in the default one if he may, or in the only
   * other one. Throws NOT_FOUND, FORBIDDEN, or INVALID_INPUT when he has to choose.
   */
  async choose(actor: Actor, act: ActInNamespace, wanted: string | null): Promise<NamespaceId> {
    if (wanted !== null) {
      const row = await this.#find(wanted);
      if (!row || !(isSeen(actor, row) || may(actor, act, { namespaceId: row.id }))) throw notFound('namespace');
      mustMay(actor, act, { namespaceId: row.id });
      return row.id;
    }
    const [first, ...others] = await this.whereMay(actor, act);
    if (first && (first.id === (await this.defaultId()) || others.length === 0)) return first.id;
    const names = [first, ...others].map((row) => row?.name).join(', ');
    throw invalidInput([{ path: 'namespace', message: `expected one of the namespaces ${names}` }]);
  }

  /** Throws FORBIDDEN, NAME_TAKEN or QUOTA_EXCEEDED. */
  async create(actor: Actor, name: string): Promise<NamespaceRow> {
    mustMay(actor, 'namespace.change');
    const wanted = parseInput(nameSchema, name);
    return uniquelyNamed({ what: 'a namespace', name: wanted }, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await namespaceStore.count(tx)) >= MAX_NAMESPACES) {
          const message = `there are ${MAX_NAMESPACES} namespaces, which is the limit: delete one that nobody needs`;
          throw new AppError({ code: 'QUOTA_EXCEEDED', message });
        }
        return namespaceStore.insert(tx, wanted);
      }),
    );
  }

  /** Throws FORBIDDEN, NOT_FOUND, NAME_TAKEN, or WRONG_STATE for the default one. */
  async rename(actor: Actor, id: string, name: string): Promise<NamespaceRow> {
    mustMay(actor, 'namespace.change');
    const wanted = parseInput(nameSchema, name);
    return uniquelyNamed({ what: 'a namespace', name: wanted }, () =>
      inTransaction(this.#db, async (tx) => namespaceStore.rename(tx, (await this.#toChange(tx, id)).id, wanted)),
    );
  }

  /** With the roles that were given in it. Throws WRONG_STATE while anything is in it. */
  async delete(actor: Actor, id: string): Promise<NamespaceRow> {
    mustMay(actor, 'namespace.change');
    return inTransaction(this.#db, async (tx) => {
      const row = await this.#toChange(tx, id);
      const { templates = 0, environments = 0 } = (await namespaceStore.contents(tx, [row.id])).get(row.id) ?? {};
      if (templates + environments > 0) {
        const message = `templates or environments are in "${row.name}" still: delete those first`;
        throw new AppError({ code: 'WRONG_STATE', message, details: { templates, environments } });
      }
      await this.#onDelete(tx, row.id);
      await namespaceStore.setDeleted(tx, row.id, new Date(this.#clock.now()));
      return row;
    });
  }

  /** Keeps it from being deleted until the transaction ends. Throws WRONG_STATE when it is gone already. */
  async hold(tx: Tx, id: NamespaceId): Promise<void> {
    if (await namespaceStore.hold(tx, id)) return;
    throw new AppError({ code: 'WRONG_STATE', message: 'this namespace was deleted: choose another one' });
  }

  /** Null takes the role away: then the user has no more of the namespace than what is his own. */
  setRole(tx: Tx, member: { namespaceId: NamespaceId; userId: UserId }, role: NamespaceRole | null): Promise<void> {
    return namespaceStore.setRole(tx, member, role);
  }

  /** By id or name. The default one when nothing is given. Throws NOT_FOUND. */
  async idOf(wanted: string | null | undefined): Promise<NamespaceId> {
    if (!wanted) return this.defaultId();
    const row = await this.#find(wanted);
    if (!row) throw notFound('namespace');
    return row.id;
  }

  async #find(idOrName: string): Promise<NamespaceRow | null> {
    const all = await reading(() => namespaceStore.list(this.#db));
    return all.find(({ id, name }) => id === idOrName || name === idOrName) ?? null;
  }

  async #toChange(tx: Tx, id: string): Promise<NamespaceRow> {
    const row = await namespaceStore.lock(tx, id);
    if (!row) throw notFound('namespace');
    if (row.id === (await this.defaultId())) {
      throw new AppError({ code: 'WRONG_STATE', message: 'the default namespace stays as it is: make another one' });
    }
    return row;
  }
}

type ActInNamespace = 'environment.create' | 'template.read' | 'template.change';

function isSeen(actor: Actor, { id }: NamespaceRow): boolean {
  return may(actor, 'namespace.read', { namespaceId: id }) || may(actor, 'user.read');
}
