import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '@easel/kit/log';
import { streamSocket } from '@easel/kit/stream-socket';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import { type ClientTicket, signTicket, type Target } from '@easel/schema/wire/ticket';
import ssh2, { type Client } from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { newKey } from '../../test/listen-ssh.ts';
import { MiniRelay } from '../../test/mini-relay.ts';
import { type StartedInside, startHere } from '../../test/start-inside.ts';
import type { ActivitySource, TicketKeys, Tunnel } from './options.ts';
import { startTunnel } from './tunnel.ts';

const pair = generateKeyPairSync('ed25519');
const privateKey = { ...pair.privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'EdDSA' };
const ticketKeys: TicketKeys = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'EdDSA' }] };
const environmentId = newId('environment');
const userId = newId('user');

type Guest = NonNullable<ClientTicket['guest']>;
const news = (authorizedKeys: AuthorizedKey[], revokedCredentials: string[] = []) => ({
  authorizedKeys,
  revokedCredentials,
  certificateAuthorities: [],
});

function ticket(
  target: Target,
  more: { environmentId?: EnvironmentId; credentialId?: string; guest?: Guest; seconds?: number; key?: object } = {},
): Promise<string> {
  const claims = {
    kind: 'client' as const,
    jti: newId('ticket'),
    environmentId: more.environmentId ?? environmentId,
    userId,
    ...(more.credentialId === undefined ? {} : { credentialId: more.credentialId }),
    ...(more.guest === undefined ? {} : { guest: more.guest }),
    target,
  };
  return signTicket(claims, (more.key ?? privateKey) as never, more.seconds ?? 300);
}

let started: StartedInside;
let service: Server;
let port: number;
let relay: MiniRelay;
let tunnel: Tunnel;
let marks: ActivitySource[];
let hostKey: string;
let user: { file: string; publicKey: string };

beforeAll(async () => {
  started = await startHere();
  hostKey = readFileSync(newKey(started.home, 'host').file, 'utf8');
  user = newKey(started.home, 'user');
  service = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  port = (service.address() as AddressInfo).port;
}, 60_000);
afterAll(async () => {
  service.close();
  await started[Symbol.asyncDispose]();
});
beforeEach(async () => {
  relay = new MiniRelay();
  await relay.listen();
  marks = [];
  tunnel = startTunnel({
    environmentId,
    relay: { url: relay.url, token: 'first' },
    ticketKeys,
    inside: started.inside,
    sshHostKey: hostKey,
    entry: news([{ publicKey: user.publicKey, userId }]),
    session: { env: {}, guestEnv: {}, home: started.home, project: started.home, shell: '/bin/sh' },
    activity: { mark: (source) => void marks.push(source) },
    log: silentLog,
    signal: new AbortController().signal,
  });
  await vi.waitUntil(() => relay.control);
});
afterEach(async () => {
  await tunnel.close();
  await relay.close();
});

async function connected(target: Target) {
  const leg = await relay.open(await ticket(target));
  return streamSocket(leg!);
}

describeWith(['openssh client'], 'the tunnel', () => {
  it('ties streams to a port inside, byte for byte, each half by itself', async () => {
    const data = randomBytes(1_000_000);
    const streams = await Promise.all(Array.from({ length: 10 }, () => connected({ kind: 'port', port })));
    expect(tunnel.sessions).toEqual({ ssh: 0, port: 10 });
    for (const stream of streams) stream.end(data);
    const answers = await Promise.all(streams.map((stream) => buffer(stream)));
    expect(answers.every((answer) => answer.equals(data))).toBe(true);
    await expect.poll(() => tunnel.sessions).toEqual({ ssh: 0, port: 0 });
    expect(marks).toContain('port');
  });

  it('ties streams to the SSH side, with the sign-in that the ticket says', async () => {
    const login = (stream: import('node:stream').Duplex, config: object) =>
      new Promise<Client>((resolve, reject) => {
        const client = new ssh2.Client();
        client.once('ready', () => resolve(client)).once('error', reject);
        client.connect({ sock: stream as never, username: 'x', ...config });
      });
    const open = await login(await connected({ kind: 'ssh', auth: 'ticket' }), {});
    const own = await login(await connected({ kind: 'ssh', auth: 'publickey' }), {
      privateKey: readFileSync(user.file),
    });
    expect(tunnel.sessions).toEqual({ ssh: 2, port: 0 });
    await expect(login(await connected({ kind: 'ssh', auth: 'publickey' }), {})).rejects.toThrow();
    tunnel.updateEntry(news([], []));
    await new Promise((resolve) => own.once('close', () => resolve(true)));
    const said = new Promise((resolve, reject) => {
      open.exec('echo still here', (err, channel) => (err ? reject(err) : channel.once('data', resolve)));
    });
    expect(String(await said)).toBe('still here\n');
    open.end();
  });

  it('cuts what came in by a credential that has ended, and nothing else', async () => {
    const [token, key, session] = [newId('apiToken'), newId('sshKey'), newId('session')];
    const open = async (credentialId: string | undefined) => {
      const leg = await relay.open(await ticket({ kind: 'port', port }, credentialId ? { credentialId } : {}));
      const stream = streamSocket(leg!);
      stream.on('error', () => undefined);
      return stream;
    };
    const streams = {
      token: await open(token),
      key: await open(key),
      session: await open(session),
      old: await open(''),
    };
    const ended = () => Object.entries(streams).flatMap(([name, { closed }]) => (closed ? [name] : []));
    const own = { publicKey: user.publicKey, userId };
    tunnel.updateEntry(news([{ ...own, id: key }], [newId('apiToken')]));
    expect(tunnel.sessions.port).toBe(4);
    tunnel.updateEntry(news([{ ...own, id: key }], [token]));
    await expect.poll(ended).toEqual(['token']);
    tunnel.updateEntry(news([own], [token]));
    await expect.poll(ended).toEqual(['token', 'key']);
    await expect.poll(() => tunnel.sessions.port).toBe(2);
  });

  it('cuts what came in by a key at the moment when it expires', async () => {
    const id = newId('sshKey');
    const leg = await relay.open(await ticket({ kind: 'port', port }, { credentialId: id }));
    const stream = streamSocket(leg!);
    stream.on('error', () => undefined);
    const expiresAt = new Date(Date.now() + 300).toISOString();
    tunnel.updateEntry(news([{ publicKey: user.publicKey, userId, id, expiresAt }], []));
    expect(tunnel.sessions.port).toBe(1);
    await expect.poll(() => stream.closed, { timeout: 2_000 }).toBe(true);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
  });

  describe('a guest', () => {
    const share = `${newId('share')}.${userId}`;
    const guest = { credentialId: newId('apiToken'), untilMs: null };
    const token = (untilMs: number | null = null) =>
      ticket({ kind: 'port', port }, { credentialId: share, guest: { ...guest, untilMs } });
    const open = async (untilMs: number | null = null) => {
      const stream = streamSocket((await relay.open(await token(untilMs)))!);
      stream.on('error', () => undefined);
      return stream;
    };

    it('is told of, each way once, while streams are open', async () => {
      const own = await connected({ kind: 'port', port });
      const streams = [await open(), await open()];
      expect(tunnel.visitors).toMatchObject([{ userId, way: 'port' }]);
      for (const stream of streams) stream.destroy();
      await expect.poll(() => tunnel.visitors).toEqual([]);
      expect(tunnel.sessions.port).toBe(1);
      own.destroy();
    });

    it('is cut when the share ends or his own credential does, and does not come back with the same ticket', async () => {
      for (const ended of [share, guest.credentialId]) {
        tunnel.updateEntry(news([], []));
        const stream = await open();
        tunnel.updateEntry(news([], [newId('apiToken')]));
        expect(stream.closed).toBe(false);
        tunnel.updateEntry(news([], [ended]));
        await expect.poll(() => stream.closed).toBe(true);
        expect(await relay.open(await token())).toBeNull();
        expect(relay.refusals.at(-1)).toMatchObject({ code: 'TICKET_INVALID' });
      }
    });

    it('is cut at the end of the share, without anybody saying so', async () => {
      const endMs = Date.now() + 1_500;
      const stream = await open(endMs);
      await expect.poll(() => stream.closed, { timeout: 5_000 }).toBe(true);
      expect(Date.now()).toBeGreaterThanOrEqual(endMs - 50);
      expect(await relay.open(await token(endMs))).toBeNull();
    });
  });

  describe('refuses', () => {
    const refusal = async (token: string) => {
      expect(await relay.open(token)).toBeNull();
      return relay.refusals.at(-1);
    };

    it('what nobody signed, what has expired, and what another key signed', async () => {
      const other = { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid: 'one' };
      const target: Target = { kind: 'port', port };
      for (const token of ['nonsense', await ticket(target, { seconds: -5 }), await ticket(target, { key: other })]) {
        expect(await refusal(token)).toMatchObject({ type: 'stream.refused', code: 'TICKET_INVALID' });
      }
    });

    it('a ticket of another environment', async () => {
      const token = await ticket({ kind: 'port', port }, { environmentId: newId('environment') });
      expect(await refusal(token)).toMatchObject({ code: 'FORBIDDEN' });
    });

    it('a port where nothing listens', async () => {
      expect(await refusal(await ticket({ kind: 'port', port: 1 }))).toMatchObject({ code: 'PORT_CLOSED' });
    });

    it('the old keys after a rotation', async () => {
      tunnel.updateTicketKeys({ keys: [] });
      expect(await refusal(await ticket({ kind: 'port', port }))).toMatchObject({ code: 'TICKET_INVALID' });
    });
  });

  it('is not put out by what is no message', async () => {
    relay.control!.send('nonsense');
    relay.control!.send(JSON.stringify({ type: 'stream.open', streamId: '../x', ticket: 'x' }));
    const stream = await connected({ kind: 'port', port });
    stream.end('x');
    expect((await buffer(stream)).toString()).toBe('x');
  });

  it('comes back with its newest token when the relay is restarted; its streams are reset', async () => {
    const stream = await connected({ kind: 'port', port });
    const reset = new Promise((resolve) => stream.once('error', resolve));
    tunnel.updateRelay({ url: relay.url, token: 'second' });
    expect(relay.tokens).toEqual(['Bearer first']);
    const { port: relayPort } = new URL(relay.url);
    await relay.close();
    await reset;
    relay = new MiniRelay();
    await relay.listen(Number(relayPort));
    await vi.waitUntil(() => relay.control, { timeout: 10_000 });
    expect(relay.tokens).toEqual(['Bearer second']);
    await expect.poll(() => tunnel.sessions).toEqual({ ssh: 0, port: 0 });
  }, 20_000);

  it('moves to another relay at once, and its streams stay', async () => {
    const other = new MiniRelay();
    await other.listen();
    const stream = await connected({ kind: 'port', port });
    tunnel.updateRelay({ url: other.url, token: 'third' });
    await vi.waitUntil(() => other.control);
    stream.end('still here');
    expect((await buffer(stream)).toString()).toBe('still here');
    await tunnel.close();
    await other.close();
  });

  it('ends for good when a newer worker is there', async () => {
    relay.control!.close(4414, 'a newer worker');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(relay.tokens).toHaveLength(1);
  });

  it('ends its streams when it is closed, and can be closed twice', async () => {
    const stream = await connected({ kind: 'port', port });
    const over = new Promise((resolve) => stream.once('close', resolve).on('error', resolve));
    await Promise.all([tunnel.close(), tunnel.close()]);
    await over;
    expect(tunnel.sessions).toEqual({ ssh: 0, port: 0 });
  });
});
