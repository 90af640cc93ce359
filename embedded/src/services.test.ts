import { expect, test } from 'vitest';
import { type Installation, serviceVariables } from './services.ts';
import { summaryJson, summaryLines } from './summary.ts';

const installation: Installation = {
  checkout: '/srv/easel',
  dataDir: '/data',
  listenHost: '0.0.0.0',
  publicHost: '192.0.2.7',
  localHost: '127.0.0.1',
  ports: { server: 7080, ssh: 7022, relay: 7081 },
  secrets: {
    'server-key': '/data/secrets/server-key',
    'platform-token': '/data/secrets/platform-token',
    'admin-token': '/data/secrets/admin-token',
    'database-password': '/data/secrets/database-password',
  },
  databaseUrlFile: '/data/secrets/database-url',
  runtime: 'auto',
  insideDir: '/srv/easel/worker-agent/dist/inside',
  localUser: 'easel',
  sample: { repositoryUrl: 'file:///data/sample/hello-easel.git', image: 'easel-sample:1' },
  isVerbose: false,
};
const url = 'http://192.0.2.7:7080';

test('people get the public address, processes of this machine the local one', () => {
  const { server, scheduler, relay, jump } = serviceVariables(installation);
  expect(server).toMatchObject({ EASEL_HOST: '0.0.0.0', EASEL_PORT: '7080', EASEL_PUBLIC_URL: url });
  expect(scheduler).toMatchObject({
    EASEL_SERVER_URL: 'http://127.0.0.1:7080',
    EASEL_RELAY_URL: 'ws://192.0.2.7:7081',
    EASEL_WORKER_RELAY_URL: 'ws://127.0.0.1:7081',
    EASEL_SSH_HOST: '192.0.2.7',
  });
  expect([relay.EASEL_PORT, jump.EASEL_PORT]).toEqual(['7081', '7022']);
});

test('secrets are handed over as files, and only to whom they concern', () => {
  const variables = serviceVariables(installation);
  const files = Object.fromEntries(
    Object.entries(variables).map(([name, one]) => [
      name,
      Object.values(one).filter((value) => value?.startsWith('/data/secrets/')),
    ]),
  );
  expect(files).toEqual({
    server: ['database-url', 'server-key', 'platform-token', 'admin-token'].map((name) => `/data/secrets/${name}`),
    scheduler: ['/data/secrets/platform-token'],
    relay: [],
    jump: ['/data/secrets/platform-token'],
  });
});

test('without a sample image the server is told of none', () => {
  const { server } = serviceVariables({ ...installation, sample: { ...installation.sample, image: null } });
  expect(Object.keys(server).filter((name) => name.endsWith('_IMAGE'))).toEqual([]);
});

test('the line for scripts has exactly what was promised', () => {
  const line = summaryJson({ installation, url, signInUrl: null, runtime: 'docker', notice: null });
  expect(JSON.parse(line)).toEqual({
    url,
    relayUrl: 'ws://192.0.2.7:7081',
    sshHost: '192.0.2.7',
    sshPort: 7022,
    tokenFile: '/data/secrets/admin-token',
    runtime: 'docker',
    dataDir: '/data',
  });
  expect(line).not.toContain('\n');
});

test('people are told how to begin, and plainly when nothing is isolated', () => {
  const signInUrl = `${url}/sign-in?code=x`;
  const ready = { installation, url, signInUrl };
  const text = summaryLines({ ...ready, runtime: 'process', notice: 'no Docker daemon answers' }).join('\n');
  expect(text).toContain(`${signInUrl}  (works once)`);
  expect(text).toContain('ssh -p 7022 NAME@192.0.2.7');
  expect(text).toContain('WITHOUT ISOLATION (no Docker daemon answers)');
  expect(summaryLines({ ...ready, runtime: 'docker', notice: null }).join('\n')).toContain('run in Docker containers');
});
