/**
 * What belongs to a SAML module besides its settings: our key, and the provider's metadata where it is read from an address. Its
 * last good copy is kept: a provider that is away, or publishes nonsense, ends nobody's sign-in.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { type Actor, notFound } from '../actor.ts';
import { type Db, reading } from '../db.ts';
import type { SamlModule, SignInModule } from '../generated/prisma/client.ts';
import { mustMay } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import { type KeyAndCertificate, newKeyAndCertificate } from './certificate.ts';
import { ofKind, type SettingsOf } from './module-settings.ts';
import { samlStore } from './saml.store.ts';
import { MetadataProblem, type ProviderMetadata, parseMetadata } from './saml-metadata.ts';
import type { SignInModuleService } from './sign-in-module.service.ts';

/** Metadata is read anew after this; providers announce new keys days ahead. */
const REFRESH_MS = 3_600_000;
/** Where there is no copy, whoever wants to sign in makes us look again, at most this often. */
const RETRY_MS = 60_000;

/** A module as far as it matters here. */
export interface SamlModuleRef {
  id: string;
  settings: SettingsOf<'saml'>;
}

/** What is known of the provider, and how fresh it is. */
export interface ProviderState {
  metadata: ProviderMetadata | null;
  /** When the copy was read; null where it was given by hand, or there is none. */
  fetchedAt: Date | null;
  /** Why the last attempt to read it failed. */
  problem: string | null;
}

interface SamlModulesParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  modules: SignInModuleService;
  fetch: (url: string, options: object) => Promise<Response>;
}

export class SamlModuleService {
  readonly #parts: SamlModulesParts;
  readonly #db: Db;

  constructor(parts: SamlModulesParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Ours: it signs requests, and opens what is encrypted for us. Made when it is first asked for. */
  async keyOf(moduleId: string): Promise<KeyAndCertificate> {
    const { sealedKey, certificate } = await this.#row(moduleId);
    return { privateKey: this.#parts.key.open(sealedKey, purposeOf(moduleId)), certificate };
  }

  /** Throws MetadataProblem when nothing good was ever read. */
  async providerOf(module: SamlModuleRef): Promise<ProviderMetadata> {
    const { metadata, problem } = await this.stateOf(module);
    if (metadata) return metadata;
    throw new MetadataProblem(problem ?? 'the metadata was not read yet');
  }

  /** Reads the metadata when there is none yet, though not at every question. */
  async stateOf(module: SamlModuleRef): Promise<ProviderState> {
    const { provider } = module.settings;
    if (provider.from === 'settings') {
      return { metadata: provider, fetchedAt: null, problem: null };
    }
    const row = await this.#row(module.id);
    const state = stateIn(row, provider.metadataUrl);
    const isTried = row.metadataUrl === provider.metadataUrl && this.#ageMs(row) < RETRY_MS;
    return state.metadata || isTried ? state : this.#read(module.id, provider.metadataUrl, 'any');
  }

  /** Reads the metadata now; what it says is believed, also when it is another provider. Throws FORBIDDEN, NOT_FOUND, WRONG_STATE. */
  async refresh(actor: Actor, id: string): Promise<SignInModule> {
    mustMay(actor, 'signIn.change');
    const row = await this.#parts.modules.get(actor, id);
    const provider = ofKind(row, 'saml')?.provider;
    if (provider?.from !== 'url') {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'this module reads no metadata from an address',
      });
    }
    await this.#read(id, provider.metadataUrl, 'any');
    return row;
  }

  /** The hourly look. Another provider at the old address is not believed: an administrator has to ask for it. */
  async refreshDue(): Promise<void> {
    for (const { id, settings } of await this.#parts.modules.enabledOfKind('saml')) {
      const { provider } = settings;
      if (provider.from === 'settings') continue;
      if (this.#ageMs(await this.#row(id)) >= REFRESH_MS) await this.#read(id, provider.metadataUrl, 'same');
    }
  }

  async #read(moduleId: string, url: string, believed: 'any' | 'same'): Promise<ProviderState> {
    const row = await this.#row(moduleId);
    const before = stateIn(row, url);
    const now = new Date(this.#parts.clock.now());
    try {
      const metadata = parseMetadata(await fetchMetadata(url, this.#parts.fetch), now);
      if (believed === 'same' && before.metadata && before.metadata.entityId !== metadata.entityId) {
        throw new MetadataProblem(
          `the address gives another provider now, ${metadata.entityId}: read it again by hand if that is meant`,
        );
      }
      await reading(() => samlStore.setMetadata(this.#db, moduleId, { metadata, url, now }));
      return { metadata, fetchedAt: now, problem: null };
    } catch (err) {
      if (!(err instanceof MetadataProblem)) throw err;
      this.#parts.log.warn({ err, moduleId }, 'metadata of a provider not read');
      const problem = err.message.slice(0, 500);
      const hasCopy = before.metadata !== null;
      await reading(() => samlStore.setProblem(this.#db, moduleId, { url, problem, hasCopy, now }));
      return { ...before, problem };
    }
  }

  /** Since the provider was last asked. */
  #ageMs({ checkedAt }: SamlModule): number {
    return this.#parts.clock.now() - (checkedAt?.getTime() ?? 0);
  }

  async #row(moduleId: string): Promise<SamlModule> {
    const found = await reading(() => samlStore.find(this.#db, moduleId));
    if (found) return found;
    const { privateKey, certificate } = await newKeyAndCertificate('Easel', new Date(this.#parts.clock.now()));
    const sealedKey = this.#parts.key.seal(privateKey, purposeOf(moduleId));
    await reading(() => samlStore.insertKey(this.#db, { moduleId, sealedKey, certificate }));
    const made = await reading(() => samlStore.find(this.#db, moduleId));
    if (!made) throw notFound('sign-in module');
    return made;
  }
}

/** A copy of another address says nothing of this one. */
function stateIn(row: SamlModule, url: string): ProviderState {
  if (row.metadataUrl !== url) return { metadata: null, fetchedAt: null, problem: null };
  return { metadata: row.metadata as ProviderMetadata | null, fetchedAt: row.fetchedAt, problem: row.problem };
}

async function fetchMetadata(url: string, fetch: SamlModulesParts['fetch']): Promise<string> {
  try {
    const response = await fetch(url, {});
    if (!response.ok) throw new MetadataProblem(`${url} answers ${response.status}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await response.arrayBuffer());
  } catch (cause) {
    if (cause instanceof MetadataProblem) throw cause;
    const reason =
      cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
    throw new MetadataProblem(`${url} does not answer: ${reason}`, { cause });
  }
}

function purposeOf(moduleId: string): string {
  return `saml_modules.sealed_key ${moduleId}`;
}
