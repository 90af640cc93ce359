/** The ways in for people: the tunnel to the relay, with what the server last said about relay, keys and tickets. */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { EnvironmentId } from '@easel/schema/ids';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { Place } from './bring-up.ts';
import type { Welcome } from './session/session.ts';
import type { UndoAction } from './steps/undo.ts';
import type { EntryNews } from './tunnel/entry.ts';
import type { ActivitySink, RelayAccess, Tunnel, TunnelOptions, Visitors } from './tunnel/options.ts';

export type StartTunnel = (options: TunnelOptions) => Tunnel;

export class WaysIn {
  readonly #options: { environmentId: EnvironmentId; activity: ActivitySink; clock: Clock; log: Log };
  readonly #loadTunnel: () => Promise<StartTunnel>;
  #startTunnel: Promise<StartTunnel> | null = null;
  #relay: RelayAccess | null = null;
  #entry: EntryNews = { authorizedKeys: [], revokedCredentials: [], certificateAuthorities: [] };
  #ticketKeys: Welcome['ticketKeys'] = { keys: [] };
  #tunnel: Tunnel | null = null;
  #isClosed = false;

  constructor(options: {
    environmentId: EnvironmentId;
    activity: ActivitySink;
    loadTunnel: () => Promise<StartTunnel>;
    clock: Clock;
    log: Log;
  }) {
    this.#options = options;
    this.#loadTunnel = options.loadTunnel;
  }

  get sessions(): { ssh: number; port: number } {
    return this.#tunnel?.sessions ?? { ssh: 0, port: 0 };
  }

  get visitors(): Visitors {
    return this.#tunnel?.visitors ?? [];
  }

  update(welcome: Welcome): void {
    // SSH is a lot of code: it is loaded while the first steps run.
    this.#startTunnel ??= this.#loadTunnel();
    this.#startTunnel.catch(() => undefined);
    this.#ticketKeys = welcome.ticketKeys;
    this.#tunnel?.updateTicketKeys(welcome.ticketKeys);
    // What has ended is told anew after each welcome: until then what was told last counts.
    const { authorizedKeys, certificateAuthorities } = welcome.manifest;
    this.updateEntry({ ...this.#entry, authorizedKeys, certificateAuthorities });
    if (welcome.relay) this.updateRelay(welcome.relay);
  }

  updateEntry(news: EntryNews): void {
    this.#entry = news;
    this.#tunnel?.updateEntry(news);
  }

  updateRelay(relay: RelayAccess): void {
    this.#relay = relay;
    this.#tunnel?.updateRelay(relay);
  }

  /** Opens them in the background. Gives what closes them. */
  open(place: Place, manifest: Manifest): UndoAction {
    const ending = new AbortController();
    const opening = this.#open(place, manifest, ending.signal).catch((err: unknown) => {
      this.#options.log.error({ err }, 'tunnel not started');
    });
    return async () => {
      this.#isClosed = true;
      await opening;
      ending.abort();
      await this.#tunnel?.close();
      return { isClean: true };
    };
  }

  async #open(place: Place, manifest: Manifest, signal: AbortSignal): Promise<void> {
    const start = await this.#startTunnel;
    if (!start || this.#isClosed) return;
    const { inside, inhabitant, project, env, guestEnv } = place;
    this.#tunnel = start({
      ...this.#options,
      relay: this.#relay,
      ticketKeys: this.#ticketKeys,
      inside,
      sshHostKey: manifest.sshHostKey,
      entry: this.#entry,
      session: { env, guestEnv, home: inhabitant.home, project, shell: inside.identity.shell },
      signal,
    });
  }
}
