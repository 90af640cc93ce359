/** What a command works with. Nothing is dialled, and the client is not even loaded, before the first question. */
import type { Api } from './api/api.ts';
import type { Config } from './config.ts';
import { findConnection, type GlobalOptions } from './connection.ts';
import type { Io } from './io.ts';
import type { Output } from './output/output.ts';

export interface Context {
  readonly io: Io;
  readonly config: Config;
  readonly options: GlobalOptions;
  readonly out: Output;
  /** The API of the Easel that this run talks to. Throws NOT_SIGNED_IN. */
  api(): Promise<Api>;
  /** The API at another address, or with another token. Closed with the others. */
  apiAt(connection: { url: string; token: string }): Promise<Api>;
  close(): void;
}

export function createContext(parts: Pick<Context, 'io' | 'config' | 'options' | 'out'>): Context {
  const opened: Api[] = [];
  let own: Promise<Api> | undefined;
  const apiAt: Context['apiAt'] = async (connection) => {
    const { openApi } = await import('./api/api.ts');
    const api = openApi(connection, { signal: parts.io.signal });
    opened.push(api);
    return api;
  };
  return {
    ...parts,
    apiAt,
    api() {
      own ??= findConnection(parts.options, parts.config, parts.io).then(apiAt);
      return own;
    },
    close() {
      for (const api of opened.splice(0)) api.close();
    },
  };
}
