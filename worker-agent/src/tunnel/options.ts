/** What `startTunnel` of `./tunnel.ts` is given, and gives. */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { EnvironmentId } from '@easel/schema/ids';
import type { ACTIVITY_SOURCES, Heartbeat, ServerMessage } from '@easel/schema/wire/worker';
import type { Inside } from '../inside/client.ts';
import type { EntryNews } from './entry.ts';

export type ActivitySource = (typeof ACTIVITY_SOURCES)[number];

export type Visitors = NonNullable<Heartbeat['visitors']>;

/** The key set of the welcome. */
export type TicketKeys = Extract<ServerMessage, { type: 'worker.welcome' }>['ticketKeys'];

/** Told when a person does something, not when a line merely stands. Called often: it must be cheap. */
export interface ActivitySink {
  mark(source: ActivitySource): void;
}

/** What every session inside starts with. */
export interface SessionSetting {
  /** The manifest's variables and EASEL_*; HOME, USER, LOGNAME, SHELL and LANG are added where they are absent. */
  env: Readonly<Record<string, string>>;
  /** In its place for somebody with whom the environment is shared: EASEL_* alone, since the others may be secrets. */
  guestEnv: Readonly<Record<string, string>>;
  home: string;
  /** Where interactive shells start. */
  project: string;
  shell: string;
}

export interface RelayAccess {
  url: string;
  /** A ticket of kind `worker`. */
  token: string;
}

export interface TunnelOptions {
  environmentId: EnvironmentId;
  /** Null where the platform has no relay: the tunnel waits for `updateRelay`. */
  relay: RelayAccess | null;
  ticketKeys: TicketKeys;
  inside: Inside;
  /** The manifest's: OpenSSH PEM. */
  sshHostKey: string;
  /** Who may come in at first. */
  entry: EntryNews;
  session: SessionSetting;
  activity: ActivitySink;
  log: Log;
  clock?: Clock;
  /** Ends the tunnel, as `close` does. */
  signal: AbortSignal;
}

export interface Tunnel {
  /** A new token is used from the next dial on; a new URL is dialled at once. Open streams stay. */
  updateRelay(relay: RelayAccess): void;
  /** The server's keys after a rotation. */
  updateTicketKeys(keys: TicketKeys): void;
  /** What came in with a key that is no longer there, or by a credential that has ended, is cut at once. */
  updateEntry(news: EntryNews): void;
  /** Open streams by kind. */
  readonly sessions: { readonly ssh: number; readonly port: number };
  /** People with whom the environment is shared, and who have streams open: each way once. */
  readonly visitors: Visitors;
  /** Ends all streams, then the control socket. Closing twice does nothing. */
  close(): Promise<void>;
}
