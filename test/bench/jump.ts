/**
 * The jump against OpenSSH as a bastion: bytes per second down through `ssh -J`, a direct login and a forwarded port, with
 * the two ciphers that people use; new connections; memory of an idle one. The same ssh, and for `-J` the same sshd at the
 * far end, in both. A direct login has its like in a bastion that runs `ssh` to the target.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { missing } from '../kit/components.ts';
import type { Stranger } from '../kit/ssh-stranger.ts';
import { freePorts } from '../kit/stack.ts';
import {
  type Bench,
  type BenchContext,
  comparison,
  cpuSeconds,
  interleave,
  measurement,
  memoryBytes,
  startNode,
} from './harness.ts';
import { type LoginKey, makeLoginKey } from './jump/logins.ts';
import { type Sshd, startSshd } from './jump/sshd.ts';

const mib = 1024 ** 2;
const me = userInfo().username;
const ciphers = { GCM: 'aes128-gcm@openssh.com', chacha20: 'chacha20-poly1305@openssh.com' } as const;

interface Setting {
  folder: string;
  keyFile: string;
  key: LoginKey;
  jump: { pid: number; port: number };
  bastion: Sshd;
  target: Sshd;
}

export const bench: Bench = {
  title: 'ssh through the jump: throughput, new connections, memory of an idle one',
  async run(ctx) {
    const lacking = missing(['openssh client', 'sshd']);
    if (lacking.length > 0) throw new Error(lacking.join('\n'));
    const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
    const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];
    try {
      const setting = await setUp(folder, stops);
      for (const [name, cipher] of Object.entries(ciphers)) {
        await throughput(ctx, setting, `-J ${name}`, jumpCommands(setting, cipher));
        await throughput(ctx, setting, `direct login ${name}`, directCommands(setting, cipher));
        await forwarded(ctx, setting, `-L ${name}`, cipher);
      }
      await connections(ctx, setting);
      await idle(ctx, setting);
    } finally {
      for (const stop of stops.toReversed()) await stop();
    }
  },
};

async function setUp(folder: string, stops: (() => unknown)[]): Promise<Setting> {
  const keyFile = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  const key = makeLoginKey();
  const publicKeyFile = join(folder, 'authorized_keys');
  execFileSync('sh', ['-c', `cat ${keyFile}.pub > ${publicKeyFile}; echo '${key.text}' >> ${publicKeyFile}`]);
  const [bastionPort = 0, targetPort = 0] = await freePorts(2);
  const bastion = await startSshd({ folder, name: 'bastion', port: bastionPort, publicKeyFile });
  stops.push(bastion.stop);
  const target = await startSshd({ folder, name: 'target', port: targetPort, publicKeyFile });
  stops.push(target.stop);
  const farSide = await startNode<{ port: number }>(new URL('./jump/far-side.ts', import.meta.url), {
    env: { TARGET_PORT: String(targetPort) },
  });
  stops.push(farSide.stop);
  const jump = await startNode<{ port: number }>(new URL('../../jump/src/main.ts', import.meta.url), {
    env: {
      EASEL_PORT: '0',
      EASEL_HEALTH_PORT: '0',
      EASEL_SERVER_URL: `http://127.0.0.1:${farSide.ready.port}`,
      EASEL_PLATFORM_TOKEN: 'easel_platform_bench',
      EASEL_HOST_KEY_DIR: join(folder, 'host-keys'),
      EASEL_CONNECTIONS_PER_SOURCE_PER_SECOND: '100000',
      EASEL_MAX_STRANGERS: '10000',
      EASEL_MAX_STRANGERS_PER_SOURCE: '10000',
      EASEL_STOP_LIMIT_MS: '100',
    },
  });
  stops.push(jump.stop);
  writeFileSync(join(folder, 'known_hosts'), '');
  return { folder, keyFile, key, jump: { pid: jump.pid, port: jump.ready.port }, bastion, target };
}

function flags({ keyFile }: Setting, cipher: string, port: number): string[] {
  const options = [
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'Compression=no',
  ];
  return [
    '-F',
    'none',
    '-i',
    keyFile,
    '-c',
    cipher,
    ...options.flatMap((option) => ['-o', option]),
    '-p',
    String(port),
  ];
}

interface Commands {
  ours: string[];
  peer: string[];
}

/** What is run at the far end is added to them. */
function jumpCommands(setting: Setting, cipher: string): Commands {
  const proxied = (outer: string[], to: string) => `ProxyCommand=ssh ${outer.join(' ')} -W ${to}`;
  const inner = flags(setting, cipher, setting.target.port);
  const ours = proxied([...flags(setting, cipher, setting.jump.port)], '[web]:22 web@127.0.0.1');
  const peer = proxied(
    flags(setting, cipher, setting.bastion.port),
    `127.0.0.1:${setting.target.port} ${me}@127.0.0.1`,
  );
  return { ours: [...inner, '-o', ours, `${me}@web`], peer: [...inner, '-o', peer, `${me}@target`] };
}

function directCommands(setting: Setting, cipher: string): Commands {
  const onward = ['ssh', ...flags(setting, ciphers.GCM, setting.target.port), `${me}@127.0.0.1`];
  return {
    ours: [...flags(setting, cipher, setting.jump.port), 'web@127.0.0.1'],
    peer: [...flags(setting, cipher, setting.bastion.port), `${me}@127.0.0.1`, ...onward],
  };
}

async function throughput(ctx: BenchContext, setting: Setting, row: string, commands: Commands): Promise<void> {
  if (!ctx.wants(row)) return;
  const bytes = (ctx.quick ? 16 : 256) * mib;
  const cpu = { ours: [] as number[], peer: [] as number[] };
  const measure = (side: 'ours' | 'peer', pid: number) => async () => {
    const before = cpuSeconds(pid, { tree: side === 'peer' });
    const startedMs = performance.now();
    await run(commands[side], `head -c ${bytes} /dev/zero`, bytes);
    const seconds = (performance.now() - startedMs) / 1000;
    // The bastion's own children have ended by now, or are counted while they do.
    cpu[side].push(cpuSeconds(pid, { tree: side === 'peer' }) - before);
    return bytes / mib / seconds;
  };
  const { ours, peer } = await interleave(ctx.rounds, {
    ours: measure('ours', setting.jump.pid),
    peer: measure('peer', setting.bastion.pid),
  });
  ctx.report(comparison({ row, ours, peer, peerName: 'sshd', unit: 'MiB/s', goal: { atLeast: 1 } }));
  noteCpu(ctx, row, cpu, bytes);
}

function noteCpu(ctx: BenchContext, row: string, cpu: { ours: number[]; peer: number[] }, bytes: number): void {
  const perGib = (samples: number[]) =>
    ((samples.toSorted((a, b) => a - b)[samples.length >> 1]! / bytes) * 1024 * mib).toFixed(2);
  ctx.note(`${row}: CPU-seconds per GiB: jump ${perGib(cpu.ours)}, sshd ${perGib(cpu.peer)}`);
}

/** Runs ssh and counts what it prints. */
async function run(args: string[], command: string, bytes: number): Promise<void> {
  const child = spawn('ssh', [...args, command], { stdio: ['ignore', 'pipe', 'inherit'] });
  let left = bytes;
  child.stdout.on('data', (chunk: Buffer) => {
    left -= chunk.length;
  });
  const [code] = await once(child, 'close');
  if (code !== 0 || left !== 0) throw new Error(`ssh ${args.join(' ')} exited with ${code}, ${left} bytes are missing`);
}

/** A port forwarded to a program beside the far end that sends zeros. */
async function forwarded(ctx: BenchContext, setting: Setting, row: string, cipher: string): Promise<void> {
  if (!ctx.wants(row)) return;
  const bytes = (ctx.quick ? 16 : 256) * mib;
  const source = spawn(process.execPath, [
    '-e',
    `require('net').createServer((s) => { s.on('error', () => {}); const b = Buffer.alloc(65536); let n = ${bytes / 65536}; const go = () => { while (n > 0) { n--; if (!s.write(b)) return; } s.end(); }; s.on('drain', go); go(); }).listen(0, '127.0.0.1', function () { console.log(this.address().port); })`,
  ]);
  const sourcePort = Number(String((await once(source.stdout, 'data'))[0]));
  const [ourPort = 0, peerPort = 0] = await freePorts(2);
  const forward = (port: number) => ['-N', '-L', `127.0.0.1:${port}:127.0.0.1:${sourcePort}`];
  const ours = spawn('ssh', [...forward(ourPort), ...flags(setting, cipher, setting.jump.port), 'web@127.0.0.1'], {
    stdio: 'inherit',
  });
  const peer = spawn(
    'ssh',
    [...forward(peerPort), ...flags(setting, cipher, setting.bastion.port), `${me}@127.0.0.1`],
    { stdio: 'inherit' },
  );
  const measure = (port: number) => async () => {
    const startedMs = performance.now();
    await download(port, bytes);
    return bytes / mib / ((performance.now() - startedMs) / 1000);
  };
  const samples = await interleave(ctx.rounds, { ours: measure(ourPort), peer: measure(peerPort) });
  for (const child of [ours, peer, source]) child.kill();
  ctx.report(comparison({ row, ...samples, peerName: 'sshd', unit: 'MiB/s', goal: { atLeast: 1 } }));
}

async function download(port: number, bytes: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1');
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    if (received === bytes) return;
    if (received > 0) throw new Error(`${bytes - received} bytes are missing`);
    // ssh is still connecting.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing answers on port ${port}`);
}

async function connections(ctx: BenchContext, setting: Setting): Promise<void> {
  if (!ctx.wants('new connections')) return;
  const count = ctx.quick ? 20 : 200;
  const walls = { ours: 0, peer: 0 };
  const measure = (side: 'ours' | 'peer', server: { pid: number; port: number }, user: string) => async () => {
    const before = cpuSeconds(server.pid, { tree: true });
    const startedMs = performance.now();
    await loginAll(setting.key, server.port, user, count, async (stranger) => {
      stranger.transport.destroy('done');
      await stranger.closed;
    });
    walls[side] = count / ((performance.now() - startedMs) / 1000);
    await settled(server.pid);
    return count / (cpuSeconds(server.pid, { tree: true }) - before);
  };
  const { ours, peer } = await interleave(ctx.rounds, {
    ours: measure('ours', setting.jump, 'web'),
    peer: measure('peer', setting.bastion, me),
  });
  const row = { row: 'new connections', ours, peer, peerName: 'sshd', unit: 'per CPU-s' };
  ctx.report(comparison({ ...row, goal: { atLeast: 6 } }));
  ctx.note(
    `new connections per second of the last round: jump ${walls.ours.toFixed(0)}, sshd ${walls.peer.toFixed(0)}`,
  );
}

/** sshd's children end a little after their connections; they count when their parent has seen them. */
async function settled(pid: number): Promise<void> {
  for (let last = -1; ; ) {
    const now = cpuSeconds(pid, { tree: true });
    if (now === last) return;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Eight at a time. */
async function loginAll(
  key: LoginKey,
  port: number,
  user: string,
  count: number,
  then: (stranger: Stranger) => unknown,
): Promise<void> {
  let left = count;
  const work = async () => {
    while (left-- > 0) await then(await key.login(port, user));
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

async function idle(ctx: BenchContext, setting: Setting): Promise<void> {
  if (!ctx.wants('idle')) return;
  const perConnection = async (server: { pid: number; port: number }, user: string, count: number) => {
    const open: Stranger[] = [];
    const more = (number: number) =>
      loginAll(setting.key, server.port, user, number, (stranger) => open.push(stranger));
    await more(20);
    await settled(server.pid);
    const before = memoryBytes(server.pid, { tree: true });
    await more(count);
    await settled(server.pid);
    const after = memoryBytes(server.pid, { tree: true });
    for (const { transport } of open) transport.destroy('done');
    await Promise.all(open.map(({ closed }) => closed));
    return (after - before) / count / 1024;
  };
  const ours = await perConnection(setting.jump, 'web', ctx.quick ? 100 : 1_000);
  const peer = await perConnection(setting.bastion, me, ctx.quick ? 10 : 50);
  ctx.report(measurement({ row: 'idle connection', ours, peer, peerName: 'sshd', unit: 'KiB', goal: { atMost: 60 } }));
}
