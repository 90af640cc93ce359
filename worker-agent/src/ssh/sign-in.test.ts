/** Who gets in, what it costs to try, and what happens to those whose key is taken away. */
import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { readCertificate } from '@easel/kit/ssh/certificate';
import { ed25519Blob, publicKeyText } from '@easel/kit/ssh/public-key';
import { MESSAGE, message, record } from '@easel/kit/ssh/wire';
import { newId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import { holderOf } from '@easel/schema/wire/ssh-certificate';
import ssh2, { type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { SECURITY_KEY_TYPES, SecurityKey, startAgent, TOUCHED, VERIFIED } from '../../../test/kit/security-key.ts';
import { badCertificates, TestAuthority } from '../../../test/kit/ssh-authority.ts';
import { runProgram } from '../../../test/kit/stack.ts';
import { type ListeningSsh, listenSsh, newKey } from '../../test/listen-ssh.ts';
import { type StartedInside, startHere } from '../../test/start-inside.ts';
import { AuthorizedKeys } from './authorized-keys.ts';

const sessionId = randomBytes(32);
const visitor = { userId: newId('user'), environmentId: newId('environment'), address: '127.0.0.1' };
const entryOf = (keys: readonly AuthorizedKey[]) => ({ keys, authorities: [], isGood: () => true });
const keyOf = (pair: KeyPairKeyObjectResult, type: string, blob: Buffer) => ({ ...pair, type, blob });
type TestKey = ReturnType<typeof keyOf>;
const ed25519Key = () => {
  const pair = generateKeyPairSync('ed25519');
  return keyOf(pair, 'ssh-ed25519', ed25519Blob(pair.publicKey));
};
const rsaKey = () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e = '', n = '' } = pair.publicKey.export({ format: 'jwk' });
  const modulus = Buffer.concat([Buffer.from([0]), Buffer.from(n, 'base64url')]);
  return keyOf(pair, 'ssh-rsa', record('ssh-rsa', Buffer.from(e, 'base64url'), modulus));
};
const textOf = ({ type, blob }: TestKey) => publicKeyText(type, blob);

describe('a proof', () => {
  const [a, b, rsa] = [ed25519Key(), ed25519Key(), rsaKey()];
  const { userId } = visitor;
  const otherId = newId('user');
  const keys = new AuthorizedKeys(Date.now);
  keys.set(entryOf([a, b, rsa].map((key) => ({ publicKey: textOf(key), userId }))));

  /** Offers `key` by `algorithm`; with a signer, its signature over this session. */
  function attempt(key: TestKey, algorithm: string, by?: { signer: KeyObject; hash?: string; session?: Buffer }) {
    const signed = message(MESSAGE.userAuthRequest, 'x', 'ssh-connection', 'publickey', true, algorithm, key.blob);
    const data = Buffer.concat([record(by?.session ?? sessionId), signed]);
    const signature = by && record(algorithm, sign(by.hash ?? null, data, by.signer));
    return keys.judge({ algorithm, blob: key.blob, signed, signature }, { sessionId, visitor });
  }

  it('is asked for when the key is known, and taken when it is its own', () => {
    expect(attempt(a, 'ssh-ed25519')).toBe('ask');
    expect(attempt(a, 'ssh-ed25519', { signer: a.privateKey })).toEqual({ userId, publicKey: textOf(a) });
    const byRsa = { signer: rsa.privateKey, hash: 'sha512' };
    expect(attempt(rsa, 'rsa-sha2-512', byRsa)).toEqual({ userId, publicKey: textOf(rsa) });
  });

  it('is refused for a key of another user than the ticket names', () => {
    const signed = message(MESSAGE.userAuthRequest, 'x', 'ssh-connection', 'publickey', true, a.type, a.blob);
    const offer = { algorithm: a.type, blob: a.blob, signed, signature: undefined };
    expect(keys.judge(offer, { sessionId, visitor })).toBe('ask');
    expect(keys.judge(offer, { sessionId, visitor: { ...visitor, userId: otherId } })).toBe('refuse');
  });

  it('is refused when another key has signed, also a known one, or in another session', () => {
    expect(attempt(a, 'ssh-ed25519', { signer: b.privateKey })).toBe('refuse');
    expect(attempt(a, 'ssh-ed25519', { signer: a.privateKey, session: randomBytes(32) })).toBe('refuse');
  });

  it('is refused with SHA-1, for a stranger’s key, and under another algorithm’s name', () => {
    expect(attempt(rsa, 'ssh-rsa', { signer: rsa.privateKey, hash: 'sha1' })).toBe('refuse');
    expect(attempt(rsa, 'rsa-sha2-256', { signer: rsa.privateKey, hash: 'sha512' })).toBe('refuse');
    expect(attempt(rsa, 'ssh-rsa')).toBe('refuse');
    expect(attempt(ed25519Key(), 'ssh-ed25519')).toBe('refuse');
    expect(attempt(a, 'rsa-sha2-256')).toBe('refuse');
  });

  it.each(SECURITY_KEY_TYPES)(
    'of a security key (%s) takes a touch, and a PIN where the key must know its holder',
    (type) => {
      const authenticator = new SecurityKey(type);
      const { publicKey, blob } = authenticator;
      const signed = message(MESSAGE.userAuthRequest, 'x', 'ssh-connection', 'publickey', true, type, blob);
      const judge = (flags: number) => {
        authenticator.flags = flags;
        const signature = authenticator.sign(Buffer.concat([record(sessionId), signed]));
        return keys.judge({ algorithm: type, blob, signed, signature }, { sessionId, visitor });
      };
      const keys = new AuthorizedKeys(Date.now);
      const key = { publicKey, userId: visitor.userId };
      keys.set(entryOf([key]));
      expect([0, VERIFIED].map(judge)).toEqual(['refuse', 'refuse']);
      expect(judge(TOUCHED)).toEqual({ userId: visitor.userId, publicKey });
      keys.set(entryOf([{ ...key, verifyRequired: true }]));
      expect(judge(TOUCHED)).toBe('refuse');
      expect(judge(TOUCHED | VERIFIED)).toEqual({ userId: visitor.userId, publicKey });
    },
  );

  it('may come with a certificate of the visitor’s own, while its credential is good', () => {
    const authority = new TestAuthority();
    const ended = new Set<string>();
    const certified = new AuthorizedKeys(Date.now);
    const isGood = (id: string) => !ended.has(id);
    certified.set({ keys: [], authorities: [authority.text], isGood });
    const judge = (certificate: string, signer = a.privateKey) => {
      const algorithm = 'ssh-ed25519-cert-v01@openssh.com';
      const blob = Buffer.from(certificate.split(' ')[1] ?? '', 'base64');
      const signed = message(MESSAGE.userAuthRequest, 'x', 'ssh-connection', 'publickey', true, algorithm, blob);
      const signature = record('ssh-ed25519', sign(null, Buffer.concat([record(sessionId), signed]), signer));
      return certified.judge({ algorithm, blob, signed, signature }, { sessionId, visitor });
    };
    const good = authority.certify(textOf(a), visitor.userId);
    const { credentialId } = holderOf(readCertificate(Buffer.from(good.split(' ')[1] ?? '', 'base64'))!)!;
    expect(judge(good)).toEqual({ credentialId });
    expect(judge(good, b.privateKey)).toBe('refuse');
    for (const [why, certificate] of badCertificates(authority, textOf(a), visitor.userId)) {
      expect(judge(certificate), why).toBe('refuse');
    }
    const elsewhere = authority.certify(textOf(a), visitor.userId, { principals: [newId('environment')] });
    expect(judge(elsewhere)).toBe('refuse');
    const here = authority.certify(textOf(a), visitor.userId, { principals: [visitor.environmentId] });
    expect(judge(here)).toEqual({ credentialId: expect.any(String) });
    ended.add(credentialId);
    expect(certified.has({ credentialId })).toBe(false);
    expect(judge(good)).toBe('refuse');
  });

  it('cannot be given for lines that are no keys', () => {
    const none = new AuthorizedKeys(Date.now);
    none.set(
      entryOf([
        { publicKey: 'ssh-ed25519 nonsense', userId: newId('user') },
        { publicKey: '', userId: newId('user') },
      ]),
    );
    for (const algorithm of ['ssh-ed25519', '']) {
      const offer = { algorithm, blob: Buffer.alloc(0), signed: Buffer.alloc(0), signature: undefined };
      expect(none.judge(offer, { sessionId, visitor })).toBe('refuse');
    }
  });
});

describeWith(['openssh client'], 'a connection', () => {
  let started: StartedInside;
  let ssh: ListeningSsh;
  beforeAll(async () => {
    started = await startHere();
    ssh = await listenSsh({ inside: started.inside });
  }, 60_000);
  afterAll(async () => {
    await ssh[Symbol.asyncDispose]();
    await started[Symbol.asyncDispose]();
  });

  function dial(config: Partial<ConnectConfig>, port = ssh.port): Promise<Client> {
    const client = new ssh2.Client();
    return new Promise((resolve, reject) => {
      client.once('ready', () => resolve(client)).once('error', reject);
      client.connect({ host: '127.0.0.1', port, username: 'anybody', ...config });
    });
  }
  const owner = () => ({ privateKey: readFileSync(ssh.identityFile) });
  const exec = (client: Client, command: string) =>
    new Promise<ClientChannel>((resolve, reject) => {
      client.exec(command, (err, channel) => (err ? reject(err) : resolve(channel)));
    });
  const closed = (socket: Socket | Client) =>
    new Promise<void>((resolve) => void socket.once('close', () => resolve()));

  it('needs a known key, and no password or nothing at all will do', async () => {
    (await dial(owner())).end();
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const privateKey = stranger.privateKey.export({ type: 'pkcs1', format: 'pem' });
    await expect(dial({ privateKey })).rejects.toThrow('All configured authentication methods failed');
    await expect(dial({ password: 'secret' })).rejects.toThrow('All configured authentication methods failed');
    await expect(dial({})).rejects.toThrow('All configured authentication methods failed');
  });

  it.each([
    ['ed25519', 256],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
    ['rsa', 2048],
  ] as const)('takes %s keys of %d bits', async (type, bits) => {
    const { file, publicKey } = newKey(ssh.folder, `${type}-${bits}`, { type, bits });
    const login = () =>
      runProgram('ssh', ['-p', `${ssh.port}`, ...ssh.optionsWith('-i', file), 'x@127.0.0.1', 'echo in']);
    expect(await login()).toMatchObject({ code: 255 });
    ssh.setKeys([{ ...ssh.authorizedKeys[0]!, publicKey }]);
    expect(await login()).toMatchObject({ code: 0, stdout: 'in\n' });
    ssh.setKeys(ssh.authorizedKeys);
  });

  it.each(SECURITY_KEY_TYPES)('takes security keys (%s) that were touched', async (type) => {
    const authenticator = new SecurityKey(type);
    ssh.setKeys([{ ...ssh.authorizedKeys[0]!, publicKey: authenticator.publicKey }]);
    const agent = await startAgent(ssh.folder, [authenticator]);
    const options = ssh.optionsWith(...agent.optionsFor(authenticator));
    const login = () => runProgram('ssh', ['-p', `${ssh.port}`, ...options, 'x@127.0.0.1', 'echo in']);
    expect(await login()).toMatchObject({ code: 0, stdout: 'in\n' });
    authenticator.flags = 0;
    expect(await login()).toMatchObject({ code: 255 });
    agent.close();
    ssh.setKeys(ssh.authorizedKeys);
  });

  it('needs nothing more with a ticket', async () => {
    const side = await listenSsh({ inside: started.inside, signIn: 'ticket' });
    const client = await dial({}, side.port);
    expect(side.side.count).toBe(1);
    client.end();
    await closed(client);
    await expect.poll(() => side.side.count).toBe(0);
    await side[Symbol.asyncDispose]();
  });

  it('of a guest starts without the variables of the template, and has its own agent alone', async () => {
    const output = async (isGuest: boolean) => {
      const side = await listenSsh({ inside: started.inside, signIn: 'ticket', isGuest });
      const client = await dial({}, side.port);
      const channel = await exec(client, 'env');
      let text = '';
      channel.on('data', (data: Buffer) => {
        text += data;
      });
      await closed(channel as never);
      client.end();
      await side[Symbol.asyncDispose]();
      return text;
    };
    const [owners, guests] = [await output(false), await output(true)];
    expect(owners).toContain('DATABASE_PASSWORD=hunter2');
    expect(guests).not.toContain('DATABASE_PASSWORD');
    expect(guests).toContain('EASEL_ENVIRONMENT=sample');
    expect(guests).not.toContain('SSH_AUTH_SOCK');
  });

  it('ends within two seconds when its key is taken away; others go on', async () => {
    const second = newKey(ssh.folder, 'second');
    const both = [...ssh.authorizedKeys, { ...ssh.authorizedKeys[0]!, publicKey: second.publicKey }];
    ssh.setKeys(both);
    const kept = await dial(owner());
    const lost = await dial({ privateKey: readFileSync(second.file) });
    const channel = await exec(lost, 'sleep 100');
    channel.on('error', () => undefined);
    const startedAt = performance.now();
    const ending = closed(lost);
    ssh.setKeys(ssh.authorizedKeys);
    await ending;
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await expect(dial({ privateKey: readFileSync(second.file) })).rejects.toThrow();
    const still = await exec(kept, 'true');
    await new Promise((resolve) => still.once('exit', resolve));
    kept.end();
  });

  it('is cut when it sends many bytes, or many packets, before it has signed in', async () => {
    // A packet of IGNORE, in the clear: length 12, padding 10, type 2.
    const ignored = Buffer.from('0000000c0a0200000000000000000000', 'hex');
    for (const flood of [Buffer.alloc(1_000_000, 'x'), Buffer.alloc(400_000, ignored)]) {
      const socket = connect(ssh.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.write('SSH-2.0-flood\r\n');
      socket.write(flood);
      await closed(socket);
    }
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    client.once('handshake', () => {
      const protocol = (client as unknown as { _protocol: { ping(): void } })._protocol;
      for (let i = 0; i < 150; i++) protocol.ping();
    });
    const asked = { host: '127.0.0.1', port: ssh.port, username: 'x' };
    // Never answers, so that only the packets count.
    client.connect({ ...asked, authHandler: () => undefined });
    await closed(client);
  });

  it('opens nothing before it has signed in', async () => {
    const client = new ssh2.Client();
    const channel = new Promise<Error | undefined>((resolve) => {
      client.on('error', () => undefined);
      client.once('handshake', () => {
        // Not offered by the library before it is ready, so straight to the protocol.
        const protocol = (client as unknown as { _protocol: { session(...numbers: number[]): void } })._protocol;
        protocol.session(0, 1_000_000, 32_768);
        client.once('close', () => resolve(undefined));
      });
    });
    client.connect({ host: '127.0.0.1', port: ssh.port, username: 'x', password: 'x' });
    await channel;
    expect(ssh.marks.filter((mark) => mark !== 'ssh')).toEqual([]);
  });

  it('whose client does not read costs no memory, and holds up nobody else', async () => {
    const slow = await dial(owner());
    const channel = await exec(slow, 'cat /dev/zero');
    const socket = (slow as unknown as { _sock: Socket })._sock;
    channel.resume();
    // Let it grow as large a window as it likes, then stop reading the line.
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.pause();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    const other = await dial(owner());
    const quick = await exec(other, 'exit 4');
    expect(await new Promise((resolve) => quick.once('exit', resolve))).toBe(4);
    other.end();
    slow.destroy();
  });

  it('carries at most so many channels', async () => {
    const client = await dial(owner());
    let refused = 0;
    const open = () =>
      new Promise<void>((resolve) => {
        client.exec('cat', (err, channel) => {
          if (err) refused++;
          channel?.on('close', () => refused++).resume();
          resolve();
        });
      });
    // A few at a time: this counts channels, not how many programs a machine can start at once.
    for (let batch = 0; batch < 27; batch++) await Promise.all(Array.from({ length: 10 }, open));
    expect(refused).toBe(270 - 256);
    client.end();
    await closed(client);
  }, 60_000);
});
