import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { MESSAGE, message } from '@easel/kit/ssh/wire';
import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../test/kit/describe-with.ts';
import { SECURITY_KEY_TYPES, SecurityKey, startAgent, TOUCHED, VERIFIED } from '../../test/kit/security-key.ts';
import { badCertificates, TestAuthority } from '../../test/kit/ssh-authority.ts';
import { connectStranger } from '../../test/kit/ssh-stranger.ts';
import { freePorts, runProgram } from '../../test/kit/stack.ts';
import { startWayIn, type WayIn } from '../../test/kit/way-in.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let way: WayIn;
let key: string;
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function setUp() {
  way = await startWayIn();
  way.environments.set('idle', { id: way.environments.get('web')!.id, phase: 'stopped' });
  key = way.makeKey('key');
}

/** `ssh -J`, with the options for both hops. */
function through(outer: string): string[] {
  const proxy = ['ssh', '-p', String(way.port), ...way.options(key), '-W', '[%h]:22', `${outer}@127.0.0.1`];
  return ['-o', `ProxyCommand=${proxy.join(' ')}`];
}

describeWith(['openssh client'], 'a direct login', () => {
  beforeAll(setUp);
  afterAll(() => way.stop());

  it('runs a command with exact exit status and separate stderr', async () => {
    const ran = await way.ssh(key, ['web@127.0.0.1', 'echo out; echo err >&2; exit 42']);
    expect(ran).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
  });

  it('carries pty, environment, agent and signals to the worker', async () => {
    const flags = ['-tt', '-A', '-o', 'SetEnv=EASEL_TEST=1'];
    way.shells.requests.length = 0;
    await way.ssh(key, [...flags, 'web@127.0.0.1', 'true']);
    expect(way.shells.requests.map((request) => request.split(' ')[0])).toEqual(['pty', 'env']);
    expect(way.shells.requests[1]).toBe('env EASEL_TEST=1');
    expect((await way.ssh(key, ['web@127.0.0.1', 'kill -9 $$'])).code).toBe(255);
  });

  it('loses nothing in either direction, and no tail after a half-close', async () => {
    const bytes = randomBytes(20_000_000);
    const file = join(way.folder, 'bytes');
    writeFileSync(file, bytes);
    expect((await way.ssh(key, ['web@127.0.0.1', 'sha256sum'], { input: bytes })).stdout).toContain(hashOf(bytes));
    const args = ['-p', String(way.port), ...way.options(key), 'web@127.0.0.1'];
    const child = spawn('ssh', [...args, `cat; cat ${file}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('first ');
    const out = await buffer(child.stdout);
    expect(out.subarray(0, 6).toString()).toBe('first ');
    expect(hashOf(out.subarray(6))).toBe(hashOf(bytes));
  });

  it.each([
    'chacha20-poly1305@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-gcm@openssh.com',
    'aes256-ctr',
    'aes128-ctr',
  ])('keeps bytes whole with %s while keys are exchanged again and again', async (cipher) => {
    const bytes = randomBytes(6_000_000);
    const flags = ['-c', cipher, '-m', 'hmac-sha2-512-etm@openssh.com', '-o', 'RekeyLimit=500K'];
    const args = ['-p', String(way.port), ...way.options(key), ...flags, 'web@127.0.0.1', 'cat'];
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(bytes);
    expect(hashOf(await buffer(child.stdout))).toBe(hashOf(bytes));
  });

  it('forwards ports both ways', async () => {
    const target = createServer((socket) => socket.end('from the target')).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    const [local, remote] = await freePorts(2);
    const forwards = ['-L', `${local}:127.0.0.1:${port}`, '-R', `${remote}:127.0.0.1:${port}`];
    const args = ['-N', '-p', String(way.port), ...way.options(key), ...forwards, 'web@127.0.0.1'];
    const child = spawn('ssh', args, { stdio: 'inherit' });
    const read = async (from: number | undefined) => {
      const socket = connect(from ?? 0, '127.0.0.1');
      return (await buffer(socket).catch(() => '')).toString();
    };
    await expect.poll(() => read(local), { timeout: 15_000 }).toBe('from the target');
    await expect.poll(() => read(remote), { timeout: 15_000 }).toBe('from the target');
    child.kill();
    target.close();
  });

  it('says in one sentence why an environment cannot be entered, and exits with 255', async () => {
    const ran = await way.ssh(key, ['idle@127.0.0.1', 'true']);
    expect(ran.code).toBe(255);
    expect(ran.stderr).toBe(
      'easel: environment idle is stopped: start it with "easel start idle" or in the browser\r\n',
    );
    const forward = await way.ssh(key, ['-W', 'localhost:80', 'idle@127.0.0.1']);
    expect(forward.stderr).toContain('environment idle is stopped');
    const own = await way.ssh(key, ['ada@127.0.0.1', 'true']);
    expect(own).toMatchObject({ code: 255, stderr: expect.stringContaining('name an environment') });
  });

  it('tells the person when the environment goes away', async () => {
    const before = way.streams.length;
    const running = way.ssh(key, ['web@127.0.0.1', 'echo here; sleep 60']);
    await expect.poll(() => way.streams.length, { timeout: 15_000 }).toBeGreaterThan(before);
    setTimeout(() => way.streams.at(-1)?.destroy(), 500);
    const ran = await running;
    expect(ran.code).toBe(255);
    expect(ran.stderr).toContain('environment web has gone away');
  });
});

describeWith(['openssh client'], 'ssh -J', () => {
  beforeAll(setUp);
  afterAll(() => way.stop());

  it.each(['ada', 'web'])('leads as %s to an environment by name, end to end', async (outer) => {
    const bytes = randomBytes(5_000_000);
    const args = [...way.options(key), ...through(outer), 'web', 'cat; echo err >&2; exit 3'];
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.end(bytes);
    const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
    expect(hashOf(out)).toBe(hashOf(bytes));
    expect(err.toString()).toBe('err\n');
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(3);
    const { environment } = way.api.asked.at(-1)!.variables.input as { environment: string };
    expect(environment).toBe('web');
  });

  it('refuses what is not running or not known', async () => {
    const stopped = await way.ssh(key, [...through('web'), 'idle', 'true']);
    expect(stopped).toMatchObject({ code: 255, stderr: expect.stringContaining('environment idle is stopped') });
    const unknown = await way.ssh(key, [...through('ada'), 'nobody', 'true']);
    expect(unknown.stderr).toContain('there is no such environment, or this key may not enter it');
  });

  it('opens nothing else on such a connection', async () => {
    const control = join(way.folder, 'control');
    const base = ['-p', String(way.port), ...way.options(key)];
    const master = spawn('ssh', [...base, '-M', '-S', control, '-W', '[web]:22', 'ada@127.0.0.1'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(master.stdout, 'data');
    const mux = (args: string[]) => way.ssh(key, ['-S', control, ...args]);
    expect((await mux(['-W', '127.0.0.1:80', 'ada@127.0.0.1'])).code).not.toBe(0);
    expect((await mux(['ada@127.0.0.1', 'true'])).code).not.toBe(0);
    expect((await mux(['-O', 'forward', '-R', '0:127.0.0.1:80', 'ada@127.0.0.1'])).code).not.toBe(0);
    master.kill();
  });
});

describeWith(['openssh client'], 'signing in', () => {
  beforeAll(setUp);
  afterAll(() => way.stop());

  /** The public key in SSH's form. */
  const blobOf = (publicKey: KeyObject) =>
    message(0, 'ssh-ed25519', Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')).subarray(1);
  const textOf = (publicKey: KeyObject) => `ssh-ed25519 ${blobOf(publicKey).toString('base64')}`;
  const request = (user: string, blob: Buffer, isProof: boolean) =>
    message(MESSAGE.userAuthRequest, user, 'ssh-connection', 'publickey', isProof, 'ssh-ed25519', blob);

  /** Proves `blob` with a signature of `signer`, which may be another key's. */
  function proof(user: string, blob: Buffer, signer: KeyObject, sessionId: Buffer): Buffer {
    const signed = request(user, blob, true);
    const data = Buffer.concat([message(0, sessionId).subarray(1), signed]);
    const signature = message(0, 'ssh-ed25519', sign(null, data, signer)).subarray(1);
    return Buffer.concat([signed, message(0, signature).subarray(1)]);
  }

  it('gives unknown users, unknown keys and foreign environments the same answer', async () => {
    const stranger = way.makeKey('stranger', { isKnown: false });
    const answers = await Promise.all([
      way.ssh(key, ['nobody@127.0.0.1', 'true']),
      way.ssh(stranger, ['web@127.0.0.1', 'true']),
      way.ssh(stranger, ['nobody@127.0.0.1', 'true']),
    ]);
    const texts = answers.map(({ code, stderr }) => `${code} ${stderr.replace(/^\w+@/, '')}`);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('Permission denied (publickey)');
  });

  it.each([
    ['ed25519', 256],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
    ['rsa', 2048],
    ['rsa', 3072],
  ] as const)('takes %s keys of %d bits', async (type, bits) => {
    const file = way.makeKey(`of-type-${type}-${bits}`, { type, bits });
    expect(await way.ssh(file, ['web@127.0.0.1', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
  });

  it.each(['rsa-sha2-256', 'rsa-sha2-512'])('takes RSA with %s, and never with SHA-1', async (algorithm) => {
    const file = way.makeKey(`rsa-by-${algorithm}`, { type: 'rsa', bits: 2048 });
    const by = (name: string) => ['-o', `PubkeyAcceptedAlgorithms=${name}`, 'web@127.0.0.1', 'echo in'];
    expect(await way.ssh(file, by(algorithm))).toMatchObject({ code: 0 });
    expect(await way.ssh(file, by('ssh-rsa'))).toMatchObject({ code: 255 });
  });

  it.each(SECURITY_KEY_TYPES)('takes security keys (%s) that were touched', async (type) => {
    const authenticator = new SecurityKey(type);
    way.keys.add(authenticator.publicKey);
    const agent = await startAgent(way.folder, [authenticator]);
    const login = () => way.ssh(agent.optionsFor(authenticator), ['web@127.0.0.1', 'echo in']);
    expect(await login()).toMatchObject({ code: 0, stdout: 'in\n' });
    const { input } = way.api.asked.at(-1)!.variables as { input: Record<string, unknown> };
    expect(input).toMatchObject({ publicKey: authenticator.publicKey, isUserVerified: false });
    authenticator.flags = TOUCHED | VERIFIED;
    expect(await login()).toMatchObject({ code: 0 });
    expect(way.api.asked.at(-1)!.variables.input).toMatchObject({ isUserVerified: true });
    authenticator.flags = 0;
    expect(await login()).toMatchObject({ code: 255 });
    agent.close();
  });

  it('takes certificates of the authority, for exactly their keys', async () => {
    const authority = new TestAuthority();
    way.authorities.push(authority.text);
    const userId = newId('user');
    const [mine, theirs] = [way.makeKey('certified', { isKnown: false }), way.makeKey('another', { isKnown: false })];
    const publicKey = readFileSync(`${mine}.pub`, 'utf8');
    const login = (certificate: string, keyFile = mine, args: string[] = []) => {
      const file = join(way.folder, 'certificate.pub');
      writeFileSync(file, `${certificate}\n`);
      way.certified.set(certificate, userId);
      const identity = ['-i', keyFile, '-o', `CertificateFile=${file}`, '-o', 'IdentitiesOnly=yes'];
      return way.ssh(identity, [...args, 'web@127.0.0.1', 'echo in']);
    };
    const good = authority.certify(publicKey, userId);
    expect(await login(good)).toMatchObject({ code: 0, stdout: 'in\n' });
    const { input } = way.api.asked.at(-1)!.variables as { input: Record<string, unknown> };
    expect(input).toEqual({ login: 'web', certificate: good, address: '127.0.0.1' });
    const local = new Map([['source-address', '127.0.0.1']]);
    expect(await login(authority.certify(publicKey, userId, { criticalOptions: local }))).toMatchObject({ code: 0 });
    expect(await login(good, theirs)).toMatchObject({ code: 255 });
    // The server says that it is somebody else's.
    expect(await login(authority.certify(publicKey, newId('user')))).toMatchObject({ code: 255 });
    way.authorities.length = 0;
    expect(await login(good)).toMatchObject({ code: 255 });
  });

  it('refuses certificates that are not good, whatever the server would say', async () => {
    const authority = new TestAuthority();
    way.authorities.push(authority.text);
    const userId = newId('user');
    const pair = generateKeyPairSync('ed25519');
    const bad = badCertificates(authority, textOf(pair.publicKey), userId);
    const login = async (certificate: string, signer = pair.privateKey) => {
      way.certified.set(certificate, userId);
      const blob = Buffer.from(certificate.split(' ')[1] ?? '', 'base64');
      const stranger = await connectStranger(way.port);
      const { transport } = stranger;
      const algorithm = 'ssh-ed25519-cert-v01@openssh.com';
      const signed = message(MESSAGE.userAuthRequest, 'web', 'ssh-connection', 'publickey', true, algorithm, blob);
      const data = Buffer.concat([message(0, transport.sessionId).subarray(1), signed]);
      const signature = message(0, 'ssh-ed25519', sign(null, data, signer)).subarray(1);
      transport.send(Buffer.concat([signed, message(0, signature).subarray(1)]));
      const answer = (await stranger.next())[0];
      transport.destroy('done');
      return answer;
    };
    expect(await login(authority.certify(textOf(pair.publicKey), userId))).toBe(MESSAGE.userAuthSuccess);
    const another = generateKeyPairSync('ed25519').privateKey;
    expect(await login(authority.certify(textOf(pair.publicKey), userId), another)).toBe(MESSAGE.userAuthFailure);
    for (const [why, certificate] of bad) expect(await login(certificate), why).toBe(MESSAGE.userAuthFailure);
    way.authorities.length = 0;
  });

  it('tells the server where somebody comes from only once they have signed', async () => {
    way.api.asked.length = 0;
    expect(await way.ssh(key, ['web@127.0.0.1', 'true'])).toMatchObject({ code: 0 });
    const addresses = way.api.asked.map(({ variables }) => (variables.input as { address?: string }).address);
    expect(addresses).toEqual([undefined, '127.0.0.1']);
  });

  it('lets in the key that signed and no other', async () => {
    const known = generateKeyPairSync('ed25519');
    const unknown = generateKeyPairSync('ed25519');
    way.keys.add(textOf(known.publicKey));
    const stranger = await connectStranger(way.port);
    const { transport } = stranger;
    const answer = async (payload: Buffer) => {
      transport.send(payload);
      return (await stranger.next())[0];
    };
    const { sessionId } = transport;
    expect(await answer(request('web', blobOf(known.publicKey), false))).toBe(MESSAGE.userAuthPublicKeyOk);
    const lies = [
      proof('web', blobOf(known.publicKey), unknown.privateKey, sessionId),
      proof('web', blobOf(unknown.publicKey), unknown.privateKey, sessionId),
      proof('web', blobOf(known.publicKey), known.privateKey, randomBytes(32)),
    ];
    for (const lie of lies) expect(await answer(lie)).toBe(MESSAGE.userAuthFailure);
    const truth = proof('web', blobOf(known.publicKey), known.privateKey, sessionId);
    expect(await answer(truth)).toBe(MESSAGE.userAuthSuccess);
    transport.destroy('done');
  });

  it.each([
    ['a channel', message(MESSAGE.channelOpen, 'session', 0, 1000, 1000)],
    ['a global request', message(MESSAGE.globalRequest, 'tcpip-forward', true, '', 0)],
    ['data', message(MESSAGE.channelData, 0, 'x')],
    ['half a request', Buffer.from([MESSAGE.userAuthRequest, 0, 0, 1])],
    ['another service', message(MESSAGE.userAuthRequest, 'web', 'ssh-root', 'none')],
  ])('hangs up on who sends %s before', async (_name, payload) => {
    const stranger = await connectStranger(way.port);
    stranger.transport.send(payload);
    expect(await stranger.closed).toMatch(/disconnected/);
  });

  it('ends after too many refused keys', async () => {
    const stranger = await connectStranger(way.port);
    for (let i = 0; i < 30; i++) {
      stranger.transport.send(message(MESSAGE.userAuthRequest, 'web', 'ssh-connection', 'none'));
      const said = await stranger.next().catch((err: Error) => err.message);
      if (typeof said === 'string') {
        expect(said).toContain('too many keys');
        expect(i).toBe(20);
        return;
      }
    }
    expect.unreachable('it never ended');
  });

  it('lets nobody in while the server does not answer, and says so', async () => {
    way.api.isDown = true;
    const ran = await way.ssh(key, ['web@127.0.0.1', 'true']);
    way.api.isDown = false;
    expect(ran).toMatchObject({ code: 255, stderr: expect.stringContaining('does not answer: try again soon') });
  });

  it('cuts off who may no longer enter, and nobody while the server is away', async () => {
    const short = way.makeKey('short');
    const running = way.ssh(short, ['web@127.0.0.1', 'echo in; sleep 60']);
    const before = way.shells.running;
    await expect.poll(() => way.shells.running, { timeout: 15_000 }).toBeGreaterThan(before);
    const { signal } = new AbortController();
    way.api.isDown = true;
    await expect(way.jump.recheck(signal)).rejects.toThrow();
    way.api.isDown = false;
    await way.jump.recheck(signal);
    expect(way.shells.running).toBeGreaterThan(before);
    way.keys.delete(readFileSync(`${short}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
    await way.jump.recheck(signal);
    expect(await running).toMatchObject({ code: 255, stderr: expect.stringContaining('the key may no longer enter') });
  });
});

describeWith(['openssh client', 'dropbear'], 'Dropbear', () => {
  beforeAll(setUp);
  afterAll(() => way.stop());

  it('is let in with its guess at the key exchange, and carries every byte', async () => {
    const dropbearKey = join(way.folder, 'dropbear');
    await runProgram('dropbearconvert', ['openssh', 'dropbear', key, dropbearKey]);
    const bytes = randomBytes(5_000_000);
    const args = ['-y', '-y', '-p', String(way.port), '-i', dropbearKey, 'web@127.0.0.1'];
    expect(await runProgram('dbclient', [...args, 'exit 5'])).toMatchObject({ code: 5 });
    const ran = await runProgram('dbclient', [...args, 'sha256sum'], { input: bytes });
    expect(ran.stdout).toContain(hashOf(bytes));
    const child = spawn('dbclient', [...args, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.end(bytes);
    expect(hashOf(await buffer(child.stdout))).toBe(hashOf(bytes));
  });
});

describeWith(['openssh client'], 'the door', () => {
  it('turns away who comes too often or keeps too many connections waiting', async () => {
    way = await startWayIn({ EASEL_MAX_STRANGERS_PER_SOURCE: '3' });
    const open = await Promise.all(Array.from({ length: 3 }, () => greeted(way.port)));
    expect(open.map(({ greeting }) => greeting)).toEqual(Array(3).fill('SSH-2.0-Easel\r\n'));
    expect((await greeted(way.port)).greeting).toBe('');
    for (const { socket } of open) socket.destroy();
    await way.stop();
    way = await startWayIn({ EASEL_CONNECTIONS_PER_SOURCE_PER_SECOND: '1' });
    const many = await Promise.all(Array.from({ length: 15 }, () => greeted(way.port)));
    expect(many.filter(({ greeting }) => greeting !== '')).toHaveLength(10);
    for (const { socket } of many) socket.destroy();
    await way.stop();
  });

  it('lets logins go on at a stop until the deadline, and takes no new ones', async () => {
    await setUp();
    const running = way.ssh(key, ['web@127.0.0.1', 'echo begun; sleep 2; echo done']);
    await expect.poll(() => way.shells.running, { timeout: 15_000 }).toBe(1);
    const stopped = way.jump.close(20_000);
    expect((await greeted(way.port)).greeting).toBe('');
    expect(await running).toEqual({ code: 0, stdout: 'begun\ndone\n', stderr: '' });
    await stopped;
    await way.stop();
  });
});

describeWith(['openssh client', 'ssh-audit'], 'the algorithms', () => {
  it('have nothing that ssh-audit warns of', async () => {
    await setUp();
    const ran = await runProgram('ssh-audit', ['-b', '-n', '-l', 'warn', '-p', String(way.port), '127.0.0.1']);
    // Older than strict key exchange, the tool knows not what it is: a sign, and no algorithm.
    const isSign = (line: string) =>
      line.includes('kex-strict-s-v00@openssh.com') && line.includes('unknown algorithm');
    const findings = ran.stdout.split('\n').filter((line) => /\[(warn|fail)\]/.test(line) && !isSign(line));
    expect(findings).toEqual([]);
    await way.stop();
  });
});

async function greeted(port: number) {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const greeting = await Promise.race([
    once(socket, 'data').then(([data]) => String(data)),
    new Promise<string>((resolve) => socket.once('close', () => resolve(''))),
  ]).catch(() => '');
  return { socket, greeting };
}
