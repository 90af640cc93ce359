/** A relay and a jump in this process, with made-up people, environments and workers: the whole way in, for tests of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createApiClient } from '@easel/kit/api-client';
import { systemClock } from '@easel/kit/clock';
import { Health } from '@easel/kit/health';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { type EnvironmentId, newId, type UserId } from '@easel/schema/ids';
import { config as jumpConfig } from '../../jump/src/config.ts';
import { createGrants } from '../../jump/src/grants.ts';
import { openHostKeys } from '../../jump/src/host-keys.ts';
import { Jump } from '../../jump/src/jump.ts';
import { createJumpMetrics } from '../../jump/src/metrics.ts';
import { config as relayConfig } from '../../relay/src/config.ts';
import { Relay } from '../../relay/src/relay.ts';
import { Tickets } from '../../relay/src/tickets.ts';
import { FakeApi } from './fake-api.ts';
import { FakeWorker } from './fake-worker.ts';
import { ShellServer } from './shell-server.ts';
import { type Ran, runProgram } from './stack.ts';
import { TicketOffice } from './ticket-office.ts';

export interface MadeUpEnvironment {
  id: EnvironmentId;
  phase: string;
}

export interface WayIn {
  readonly folder: string;
  readonly port: number;
  readonly jump: Jump;
  readonly relay: Relay;
  readonly api: FakeApi;
  readonly shells: ShellServer;
  /** By name; all belong to the user whose login is `ada`. Change them as you like. */
  readonly environments: Map<string, MadeUpEnvironment>;
  /** Keys that the server knows, `algorithm base64`. */
  readonly keys: Set<string>;
  /** Whose certificates are good, `ssh-ed25519 base64` each. */
  readonly authorities: string[];
  /** Certificates that the server takes, `type base64`, with the user that it says they are of. */
  readonly certified: Map<string, UserId>;
  /** Every stream that came to the worker, oldest first. */
  readonly streams: Duplex[];
  readonly worker: FakeWorker;
  /** Makes a key pair; the server knows it unless told otherwise. */
  makeKey(name: string, options?: { type?: string; bits?: number; isKnown?: boolean }): string;
  /** Options that every OpenSSH program gets: with this key's file, or with other options that say who one is. */
  options(identity: string | readonly string[]): string[];
  ssh(
    identity: string | readonly string[],
    args: readonly string[],
    options?: { input?: string | Buffer; timeoutMs?: number },
  ): Promise<Ran>;
  stop(): Promise<void>;
}

const login = 'ada';

export async function startWayIn(env: Record<string, string> = {}): Promise<WayIn> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-way-in-'));
  const office = await TicketOffice.open();
  const environments = new Map<string, MadeUpEnvironment>();
  const keys = new Set<string>();
  const authorities: string[] = [];
  const certified = new Map<string, UserId>();
  const common = { clock: systemClock, log: silentLog };

  const relayOptions = relayConfig.parse({ EASEL_PORT: '0', EASEL_SERVER_URL: office.url, ...env });
  const tickets = new Tickets({ serverUrl: relayOptions.serverUrl, ...common });
  const relayParts = { health: new Health(), metrics: createMetrics('relay'), ...common };
  const relay = new Relay({ config: relayOptions, tickets, ...relayParts });
  const relayUrl = `http://127.0.0.1:${await relay.listen()}`;

  const authorize = async ({ input }: Record<string, unknown>) => {
    const { login: named, publicKey, certificate, environment } = input as Record<string, string | undefined>;
    const target = environment ?? named ?? '';
    const found = environments.get(target);
    const ofCertificate = certified.get(certificate ?? '');
    const isKnown = ofCertificate !== undefined || keys.has(publicKey ?? '');
    const isNo = !isKnown || !(named === login || environments.has(named ?? ''));
    if (isNo || (!found && target !== login)) {
      return { authorizeSsh: { __typename: 'Forbidden', code: 'FORBIDDEN', message: 'no such environment' } };
    }
    const auth = environment === undefined ? 'ticket' : 'publickey';
    const ticket =
      found?.phase === 'running'
        ? await office.client({ environmentId: found.id, target: { kind: 'ssh', auth } })
        : null;
    const nameless = { environmentId: null, environmentName: null, phase: null };
    const named_ = found ? { environmentId: found.id, environmentName: target, phase: found.phase } : nameless;
    const grant = { userId: ofCertificate ?? newId('user'), ...named_, relayUrl: found ? relayUrl : null, ticket };
    return { authorizeSsh: { __typename: 'SshGrant', ...grant } };
  };
  const api = await FakeApi.start({ AuthorizeSsh: authorize });

  const shells = new ShellServer();
  const streams: Duplex[] = [];
  const web: MadeUpEnvironment = { id: newId('environment'), phase: 'running' };
  environments.set('web', web);
  const worker = await FakeWorker.start(relayUrl, await office.worker({ environmentId: web.id }), () => (stream) => {
    streams.push(stream);
    shells.serve(stream);
  });

  const jumpOptions = jumpConfig.parse({
    EASEL_PORT: '0',
    EASEL_SERVER_URL: api.url,
    EASEL_PLATFORM_TOKEN: 'easel_platform_test',
    EASEL_HOST_KEY_DIR: join(folder, 'host-keys'),
    EASEL_CONNECTIONS_PER_SOURCE_PER_SECOND: '1000',
    EASEL_FAILURES_PER_SOURCE_PER_SECOND: '1000',
    ...env,
  });
  const client = createApiClient({ url: api.url, token: () => jumpOptions.platformToken.reveal() });
  const hostKeys = openHostKeys(jumpOptions.hostKeyDir);
  const jump = new Jump({
    config: jumpOptions,
    hostKeys,
    grants: createGrants(client),
    authorities: { including: async () => authorities },
    metrics: createJumpMetrics(createMetrics('jump')),
    ...common,
  });
  const port = await jump.listen();
  const knownHosts = [
    `[127.0.0.1]:${port} ssh-ed25519 ${hostKeys['ssh-ed25519']?.getPublicSSH().toString('base64')}`,
    `* ${shells.hostKey}`,
  ];
  writeFileSync(join(folder, 'known_hosts'), `${knownHosts.join('\n')}\n`);

  const options = (identity: string | readonly string[]) => [
    ...['-F', 'none', ...(typeof identity === 'string' ? ['-i', identity] : identity)],
    ...['IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=yes'].flatMap((option) => ['-o', option]),
    ...['-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`],
  ];

  return {
    folder,
    port,
    jump,
    relay,
    api,
    shells,
    environments,
    keys,
    authorities,
    certified,
    streams,
    worker,
    options,
    makeKey(name, { type = 'ed25519', bits = 256, isKnown = true } = {}) {
      const file = join(folder, name);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-b', String(bits), '-N', '', '-f', file]);
      if (isKnown) keys.add(readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
      return file;
    },
    ssh: (identity, args, run = {}) => runProgram('ssh', ['-p', `${port}`, ...options(identity), ...args], run),
    async stop() {
      await jump.close(0);
      worker.stop();
      shells.stop();
      client.close();
      await relay.close(0);
      await api.stop();
      await office.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
