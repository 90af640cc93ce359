/**
 * Who may come in, as the server last said it, and as the clock says now: a key whose time is over enters nothing more, and
 * what came in by it is cut at that moment, also while the server is away.
 */
import type { Clock } from '@easel/kit/clock';
import { isId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import type { ServerMessage } from '@easel/schema/wire/worker';

/** Timers run no longer than 24 days; the next look sets the next one. */
const maxWaitMs = 3_600_000;

/** As the server says it. */
export type EntryNews = Omit<Extract<ServerMessage, { type: 'keys.update' }>, 'type'>;

export class Entry {
  readonly #clock: Clock;
  readonly #onChanged: () => void;
  #keys: readonly AuthorizedKey[] = [];
  #authorities: readonly string[] = [];
  #revoked: ReadonlySet<string> = new Set();
  #timer: { cancel(): void } | null = null;

  constructor(clock: Clock, onChanged: () => void) {
    this.#clock = clock;
    this.#onChanged = onChanged;
  }

  /** Calls back at once, and again whenever a key expires. */
  set({ authorizedKeys, revokedCredentials, certificateAuthorities }: EntryNews): void {
    this.#keys = authorizedKeys;
    this.#revoked = new Set(revokedCredentials);
    this.#authorities = certificateAuthorities;
    this.#look();
  }

  /** Those that have not expired. */
  get keys(): readonly AuthorizedKey[] {
    const now = this.#clock.now();
    return this.#keys.filter(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > now);
  }

  /** Whose certificates are good. */
  get authorities(): readonly string[] {
    return this.#authorities;
  }

  /** Whether what came in by this session, API token or SSH key may stay. */
  isGood(credentialId: string): boolean {
    if (isId('sshKey', credentialId)) return this.keys.some(({ id }) => id === credentialId);
    return !this.isRevoked(credentialId);
  }

  /** Whether the server has said of late that it is over: tickets that were given for it live on for minutes. */
  isRevoked(credentialId: string): boolean {
    return this.#revoked.has(credentialId);
  }

  close(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#onChanged();
    const ends = this.keys.flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [Date.parse(expiresAt)]));
    if (ends.length === 0) return;
    const waitMs = Math.min(Math.min(...ends) - this.#clock.now(), maxWaitMs);
    this.#timer = this.#clock.setTimeout(() => this.#look(), waitMs);
  }
}
