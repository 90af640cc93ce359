/** For tests: an `SshSide` behind a TCP port of this machine, so that real SSH clients can call it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@easel/kit/clock';
import { type Log, silentLog } from '@easel/kit/log';
import { newId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import type { Inside } from '../src/inside/client.ts';
import type { Visitor } from '../src/ssh/authorized-keys.ts';
import type { SignIn } from '../src/ssh/connection.ts';
import { SshSide } from '../src/ssh/side.ts';
import type { ActivitySource } from '../src/tunnel/options.ts';

export interface ListeningSsh extends AsyncDisposable {
  side: SshSide;
  port: number;
  /** Arguments for OpenSSH's programs: known host, right key, nothing of the caller's own configuration. */
  options: string[];
  /** The same with other options that say who one is. */
  optionsWith(...identity: string[]): string[];
  identityFile: string;
  folder: string;
  authorizedKeys: AuthorizedKey[];
  /** Who comes, as the ticket would say. */
  visitor: Visitor;
  setKeys(keys: readonly AuthorizedKey[]): void;
  marks: ActivitySource[];
}

export function newKey(
  folder: string,
  name: string,
  { type = 'ed25519', bits = 256 } = {},
): { file: string; publicKey: string } {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', String(bits), '-N', '', '-C', '', '-f', file]);
  return { file, publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
}

export async function listenSsh(options: {
  inside: Inside;
  project?: string;
  signIn?: SignIn;
  isGuest?: boolean;
  port?: number;
  log?: Log;
}): Promise<ListeningSsh> {
  const { inside } = options;
  const folder = mkdtempSync(join(tmpdir(), 'easel-ssh-'));
  const host = newKey(folder, 'host');
  const user = newKey(folder, 'user');
  const userId = newId('user');
  const authorizedKeys = [{ publicKey: user.publicKey, userId }];
  const marks: ActivitySource[] = [];
  const visitor = { userId, environmentId: newId('environment'), address: '127.0.0.1' };
  const { home, shell } = inside.identity;
  const side = new SshSide({
    inside,
    hostKey: readFileSync(host.file, 'utf8'),
    setting: {
      env: { EASEL_ENVIRONMENT: 'sample', DATABASE_PASSWORD: 'hunter2' },
      guestEnv: { EASEL_ENVIRONMENT: 'sample' },
      home,
      project: options.project ?? home,
      shell,
    },
    activity: { mark: (source) => void marks.push(source) },
    clock: systemClock,
    log: options.log ?? silentLog,
  });
  const setKeys = (keys: readonly AuthorizedKey[]) => side.setEntry({ keys, authorities: [], isGood: () => true });
  setKeys(authorizedKeys);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    side.serve(socket, { ...visitor, signIn: options.signIn ?? 'publickey', isGuest: options.isGuest ?? false });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${host.publicKey}\n`);
  const settings = {
    UserKnownHostsFile: knownHosts,
    StrictHostKeyChecking: 'yes',
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
  };
  const optionsWith = (...identity: string[]) => [
    ...['-F', 'none', ...identity],
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
  return {
    side,
    port,
    folder,
    authorizedKeys,
    visitor,
    setKeys,
    marks,
    identityFile: user.file,
    options: optionsWith('-i', user.file),
    optionsWith,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await side.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
