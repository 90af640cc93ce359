import type { Log } from '@easel/kit/log';
import type { Connection, ServerChannel } from 'ssh2';
import type { Inside } from '../inside/client.ts';
import type { ActivitySource, SessionSetting } from '../tunnel/options.ts';
import type { ChannelPort } from './channel-port.ts';

/** What the channels of one connection share. */
export interface ConnectionContext {
  readonly client: Connection;
  readonly inside: Inside;
  readonly setting: SessionSetting;
  readonly log: Log;
  mark(source: ActivitySource): void;
  /** Whether the connection may carry another channel: ask before one is accepted. */
  readonly hasRoom: boolean;
  /** Takes a channel into use; null, and the channel closed, when it cannot be used. */
  port(channel: ServerChannel): ChannelPort | null;
  /** The socket that leads to the client's agent, made at the first call; null when it cannot be made. */
  agentSocket(): Promise<string | null>;
  /** Runs when the connection is over. */
  onClosed(then: () => void): void;
}
