/** Who gets in, what it costs to try, and what happens to those whose key is taken away. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { newId } from '@easel/schema/ids';
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type PublicKeyAuthContext } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type ListeningSsh, listenSsh, newKey } from '../../test/listen-ssh.ts';
import { type StartedInside, startHere } from '../../test/start-inside.ts';
import { AuthorizedKeys } from './authorized-keys.ts';

const keyOf = (type: 'ed25519' | 'rsa') => {
  const bits = type === 'rsa' ? { bits: 2048 } : {};
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(type, bits as never) as { private: string; public: string };
    // About one Ed25519 key of 375 that ssh2 makes can be read by nobody.
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
};

describe('a proof', () => {
  const [a, b, rsa] = [keyOf('ed25519'), keyOf('ed25519'), keyOf('rsa')];
  const keys = new AuthorizedKeys();
  keys.set([a, b, rsa].map((key) => ({ publicKey: key.public, userId: newId('user') })));
  const parsed = (key: { private: string }) => {
    const one = ssh2.utils.parseKey(key.private);
    if (one instanceof Error) throw one;
    return one;
  };
  const blob = Buffer.from('session and request');
  const attempt = (key: { private: string }, more: Partial<PublicKeyAuthContext>) =>
    keys.judge({ key: { algo: parsed(key).type, data: parsed(key).getPublicSSH() }, ...more } as PublicKeyAuthContext);

  it('is asked for when the key is known, and taken when it is its own', () => {
    expect(attempt(a, {})).toBe('ask');
    expect(attempt(a, { blob, signature: parsed(a).sign(blob) as Buffer })).toBe('accept');
    const signature = parsed(rsa).sign(blob, 'sha512') as Buffer;
    expect(attempt(rsa, { blob, signature, hashAlgo: 'sha512' })).toBe('accept');
  });

  it('is refused when another key has signed, also a known one', () => {
    expect(attempt(a, { blob, signature: parsed(b).sign(blob) as Buffer })).toBe('refuse');
    expect(attempt(a, { blob: Buffer.from('another session'), signature: parsed(a).sign(blob) as Buffer })).toBe(
      'refuse',
    );
  });

  it('is refused with SHA-1, for a stranger’s key, and under another algorithm’s name', () => {
    expect(attempt(rsa, { blob, signature: parsed(rsa).sign(blob, 'sha1') as Buffer })).toBe('refuse');
    expect(attempt(rsa, {})).toBe('refuse');
    expect(attempt(keyOf('ed25519'), {})).toBe('refuse');
    const data = parsed(a).getPublicSSH();
    expect(keys.judge({ key: { algo: 'ssh-rsa', data }, hashAlgo: 'sha256' } as PublicKeyAuthContext)).toBe('refuse');
  });

  it('cannot be given for lines that are no keys', () => {
    const none = new AuthorizedKeys();
    none.set([
      { publicKey: 'ssh-ed25519 nonsense', userId: newId('user') },
      { publicKey: '', userId: newId('user') },
    ]);
    expect(none.has(Buffer.alloc(0))).toBe(false);
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

  it('needs nothing more with a ticket', async () => {
    const side = await listenSsh({ inside: started.inside, signIn: 'ticket' });
    const client = await dial({}, side.port);
    expect(side.side.count).toBe(1);
    client.end();
    await closed(client);
    await expect.poll(() => side.side.count).toBe(0);
    await side[Symbol.asyncDispose]();
  });

  it('ends within two seconds when its key is taken away; others go on', async () => {
    const second = newKey(ssh.folder, 'second');
    const both = [...ssh.authorizedKeys, { publicKey: second.publicKey, userId: newId('user') }];
    ssh.side.setAuthorizedKeys(both);
    const kept = await dial(owner());
    const lost = await dial({ privateKey: readFileSync(second.file) });
    const channel = await exec(lost, 'sleep 100');
    channel.on('error', () => undefined);
    const startedAt = performance.now();
    const ending = closed(lost);
    ssh.side.setAuthorizedKeys(ssh.authorizedKeys);
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
