/** What is asked of a directory: who is it, which groups is he in, is this his password. Nobody is asked that it refers to. */
import type { Client, Entry, Filter } from 'ldapts';
import { InvalidCredentialsError, NoSuchObjectError } from 'ldapts';
import type { LdapSettings } from './kinds/ldap.ts';
import { type AddressOf, closeDirectory, DirectoryTrouble, openDirectory, type Step } from './ldap-connection.ts';
import { STATE_ATTRIBUTES, valuesOf } from './ldap-entry.ts';
import { inChainFilter, loginFilter, memberFilter, subjectFilter } from './ldap-filter.ts';

const ANSWER_SECONDS = 5;
/** Groups in groups are followed so far, and so many of them; a ring ends by itself. */
const MAX_DEPTH = 10;
const MAX_GROUPS = 1000;

export interface LdapAccess {
  settings: LdapSettings;
  /** Of the bind account; null where anybody may search. */
  secret: string | null;
}

/** Opens directories. */
export class Directories {
  readonly #addressOf: AddressOf;

  constructor(parts: { addressOf: AddressOf }) {
    this.#addressOf = parts.addressOf;
  }

  /** Opens it as the bind account, does the work and closes it. Throws DirectoryTrouble. */
  async with<T>(
    access: LdapAccess,
    work: (directory: Directory) => Promise<T>,
    onStep?: (step: Step) => void,
  ): Promise<T> {
    const { settings, secret } = access;
    const client = await openDirectory(settings, this.#addressOf, onStep);
    try {
      if (settings.bindDn !== '') {
        if (!secret) throw new DirectoryTrouble('bind', 'the password of the bind account is missing');
        await troubled('bind', () => client.bind(settings.bindDn, secret));
      }
      onStep?.('bind');
      return await work(new Directory(client, settings, this.#addressOf));
    } finally {
      await closeDirectory(client);
    }
  }
}

export class Directory {
  readonly #client: Client;
  readonly #settings: LdapSettings;
  readonly #addressOf: AddressOf;

  constructor(client: Client, settings: LdapSettings, addressOf: AddressOf) {
    this.#client = client;
    this.#settings = settings;
    this.#addressOf = addressOf;
  }

  /** Null when there is nobody, or more than one. */
  byLogin(login: string): Promise<Entry | null> {
    return this.#one(loginFilter(this.#settings.userFilter, login));
  }

  bySubject(subject: string): Promise<Entry | null> {
    const { userFilter, subjectAttribute } = this.#settings;
    return this.#one(subjectFilter(userFilter, subjectAttribute, subject));
  }

  /** Whether the search base is there. */
  async hasBase(): Promise<boolean> {
    const { baseDn } = this.#settings;
    const found = await this.#search(baseDn, { scope: 'base', filter: '(objectClass=*)', attributes: ['1.1'] });
    return found.length === 1;
  }

  /** Names of all groups that the person is in, directly or by another group. */
  async groupsOf({ dn }: Entry): Promise<string[]> {
    const isChain = this.#settings.directory === 'activeDirectory';
    const found = isChain ? await this.#groups(inChainFilter(dn)) : await this.#walk(dn);
    const names = found.flatMap((group) => valuesOf(group, this.#settings.groupNameAttribute)[0]?.toString() ?? []);
    return [...new Set(names)];
  }

  /** A connection of its own: the password that was typed is proven by binding with it. An empty one would bind as nobody. */
  async isPassword({ dn }: Entry, password: string): Promise<boolean> {
    if (password === '' || dn === '') return false;
    const client = await openDirectory(this.#settings, this.#addressOf);
    try {
      await client.bind(dn, password);
      return true;
    } catch (err) {
      if (err instanceof InvalidCredentialsError) return false;
      throw new DirectoryTrouble('bind', (err as Error).message, err);
    } finally {
      await closeDirectory(client);
    }
  }

  async #one(filter: string | Filter): Promise<Entry | null> {
    const { baseDn, loginAttribute, nameAttribute, mailAttribute, subjectAttribute } = this.#settings;
    const attributes = [loginAttribute, nameAttribute, mailAttribute, subjectAttribute, ...STATE_ATTRIBUTES];
    const [entry, ...others] = await this.#search(baseDn, {
      ...{ scope: 'sub', filter, attributes, sizeLimit: 2 },
      explicitBufferAttributes: [subjectAttribute],
    });
    return entry && others.length === 0 ? entry : null;
  }

  async #walk(dn: string): Promise<Entry[]> {
    const known = new Map<string, Entry>();
    let next = [dn];
    for (let depth = 0; depth < MAX_DEPTH && next.length > 0; depth++) {
      const reached: string[] = [];
      for (const member of next) {
        for (const group of await this.#groups(memberFilter(member))) {
          const key = group.dn.toLowerCase();
          if (known.has(key) || known.size >= MAX_GROUPS) continue;
          known.set(key, group);
          reached.push(group.dn);
        }
      }
      next = reached;
    }
    return [...known.values()];
  }

  #groups(filter: string): Promise<Entry[]> {
    const { groupBaseDn, baseDn, groupNameAttribute } = this.#settings;
    const attributes = [groupNameAttribute];
    return this.#search(groupBaseDn || baseDn, { scope: 'sub', filter, attributes, sizeLimit: MAX_GROUPS });
  }

  /** References to other directories are not followed, nor are aliases. */
  #search(base: string, options: NonNullable<Parameters<Client['search']>[1]>): Promise<Entry[]> {
    return troubled('search', async () => {
      try {
        const limits = { timeLimit: ANSWER_SECONDS, derefAliases: 'never' } as const;
        return (await this.#client.search(base, { ...options, ...limits })).searchEntries;
      } catch (err) {
        if (err instanceof NoSuchObjectError) return [];
        throw err;
      }
    });
  }
}

async function troubled<T>(step: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (err) {
    if (err instanceof DirectoryTrouble) throw err;
    throw new DirectoryTrouble(step, (err as Error).message, err);
  }
}
