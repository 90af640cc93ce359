/**
 * The keys that certificates are signed with, as the server publishes them: asked for when the first certificate comes, every
 * ten minutes while there are more, and when one names an authority that is not known, at most every few seconds. If the
 * server does not answer, the last ones stay good.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { decode } from '@easel/schema/wire/codec';
import { SSH_AUTHORITIES_PATH, sshAuthoritiesSchema } from '@easel/schema/wire/ssh-certificate';

const fetchLimitMs = 5_000;
/** A stranger with made-up authorities must not make us ask the server more often. */
const askGapMs = 5_000;
const keptMs = 600_000;

export class Authorities {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #known: readonly string[] = [];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(options: { serverUrl: string; clock: Clock; log: Log }) {
    this.#url = `${options.serverUrl}${SSH_AUTHORITIES_PATH}`;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** All that are known, for a certificate of this one. Never rejects. */
  async including(authority: string): Promise<readonly string[]> {
    const ageMs = this.#clock.now() - this.#askedAtMs;
    if (ageMs > (this.#known.includes(authority) ? keptMs : askGapMs)) {
      this.#askedAtMs = this.#clock.now();
      this.#asking = this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
    return this.#known;
  }

  async #ask(): Promise<void> {
    try {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(fetchLimitMs), redirect: 'error' });
      if (!response.ok) throw new Error(`${this.#url} answered with HTTP ${response.status}`);
      this.#known = decode(sshAuthoritiesSchema, await response.text()).authorities;
    } catch (err) {
      this.#log.warn({ err }, 'ssh authorities not refreshed');
    }
  }
}
