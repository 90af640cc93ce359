/**
 * A real S3-compatible server that checks signatures: OpenStack Swift with its S3 layer, from Debian's packages, with one
 * replica and one folder, thrown away at the end.
 * Source: OpenStack Swift, "SAIO – Swift All In One" and "S3/Swift REST API Comparison Matrix".
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface TestS3 {
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
  stop(): Promise<void>;
}

const startLimitMs = 60_000;
const kinds = ['account', 'container', 'object'] as const;

/** Starts it and resolves when it answers. */
export async function startSwift(): Promise<TestS3> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-test-swift-'));
  const [proxyPort = 0, cachePort = 0, ...kindPorts] = await Promise.all(Array.from({ length: 5 }, freePort));
  const processes: ChildProcess[] = [];
  let output = '';
  const stop = async () => {
    await Promise.all(processes.map(end));
    await rm(folder, { recursive: true, force: true });
  };
  const start = (program: string, ...args: string[]) => {
    const child = spawn(`/usr/bin/${program}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-4000);
      });
    }
    processes.push(child);
  };

  try {
    await mkdir(join(folder, 'disks/d1'), { recursive: true });
    await writeFile(
      join(folder, 'swift.conf'),
      '[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n',
    );
    for (const [i, kind] of kinds.entries()) await makeRing(folder, kind, kindPorts[i] ?? 0);
    for (const [i, kind] of kinds.entries()) {
      const config = join(folder, `${kind}.conf`);
      await writeFile(config, storageConfig({ folder, kind, port: kindPorts[i] ?? 0 }));
      start(`swift-${kind}-server`, config);
    }
    start('memcached', '-u', 'nobody', '-l', '127.0.0.1', '-p', String(cachePort), '-U', '0', '-m', '16');
    const config = join(folder, 'proxy.conf');
    await writeFile(config, proxyConfig({ folder, port: proxyPort, cachePort }));
    start('swift-proxy-server', config);
    const endpoint = `http://127.0.0.1:${proxyPort}`;
    // The proxy answers before those behind it do.
    for (const port of kindPorts) await isOpen(port, () => output);
    await answers(`${endpoint}/healthcheck`, () => output);
    return { endpoint, region: 'us-east-1', accessKey: 'test:tester', secretKey: 'a-secret-of-the-test', stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

async function makeRing(folder: string, kind: (typeof kinds)[number], port: number): Promise<void> {
  const builder = join(folder, `${kind}.builder`);
  const run = (...args: string[]) => promisify(execFile)('swift-ring-builder', [builder, ...args]);
  await run('create', '4', '1', '0');
  await run('add', `r1z1-127.0.0.1:${port}/d1`, '1');
  await run('rebalance');
}

const common = (folder: string, port: number) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${process.getuid?.() === 0 ? 'root' : process.env.USER}
swift_dir = ${folder}
log_facility =
log_udp_host =
`;

const storageConfig = (options: {
  folder: string;
  kind: string;
  port: number;
}) => `${common(options.folder, options.port)}
devices = ${options.folder}/disks
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = ${options.kind}-server
[app:${options.kind}-server]
use = egg:swift#${options.kind}
replication_server = false
`;

const proxyConfig = (options: {
  folder: string;
  port: number;
  cachePort: number;
}) => `${common(options.folder, options.port)}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${options.cachePort}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = a-secret-of-the-test .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
[filter:symlink]
use = egg:swift#symlink
`;

function answers(url: string, output: () => string): Promise<void> {
  return holds(async () => (await fetch(url)).ok, output);
}

function isOpen(port: number, output: () => string): Promise<void> {
  return holds(async () => {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    socket.destroy();
    return true;
  }, output);
}

async function holds(ask: () => Promise<boolean>, output: () => string): Promise<void> {
  for (const deadlineMs = Date.now() + startLimitMs; ; ) {
    if (await ask().catch(() => false)) return;
    if (Date.now() > deadlineMs) throw new Error(`Swift did not answer in ${startLimitMs} ms:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill('SIGTERM');
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
