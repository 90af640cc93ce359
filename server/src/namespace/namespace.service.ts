/** Namespaces: templates and environments belong to one, and users have a role in it. */
import type { NamespaceId, UserId } from '@easel/schema/ids';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Namespace } from '../generated/prisma/client.ts';
import type { NamespaceRole } from '../rights/roles.ts';
import { namespaceStore } from './namespace.store.ts';

/** The one namespace until there are more. */
const DEFAULT_NAMESPACE = 'default';

export class NamespaceService {
  readonly #db: Db;
  #defaultId: NamespaceId | null = null;

  constructor(parts: { db: Db }) {
    this.#db = parts.db;
  }

  async defaultId(): Promise<NamespaceId> {
    this.#defaultId ??= await inTransaction(this.#db, (tx) => namespaceStore.ensure(tx, DEFAULT_NAMESPACE));
    return this.#defaultId;
  }

  some(ids: readonly string[]): Promise<Namespace[]> {
    return reading(() => namespaceStore.some(this.#db, ids));
  }

  has(id: string): Promise<boolean> {
    return reading(() => namespaceStore.has(this.#db, id));
  }

  /** Null takes the role away: then the user has no more of the namespace than what is his own. */
  setRole(tx: Tx, member: { namespaceId: NamespaceId; userId: UserId }, role: NamespaceRole | null): Promise<void> {
    return namespaceStore.setRole(tx, member, role);
  }
}
