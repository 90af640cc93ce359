import { systemClock } from '@easel/kit/clock';
import { Secret } from '@easel/kit/config';
import { silentLog } from '@easel/kit/log';
import { ERRORS } from '@easel/schema/errors';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import { afterEach, expect, test, vi } from 'vitest';
import { FakeServer } from '../../test/fake-server.ts';
import { openSession, type Session, type SessionHandlers } from './session.ts';

const servers: FakeServer[] = [];
const sessions: Session[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  for (const server of servers.splice(0)) {
    expect(server.problems).toEqual([]);
    await server.close();
  }
});

async function connected() {
  const server = await new FakeServer().listen();
  servers.push(server);
  const handlers = {
    welcome: vi.fn<SessionHandlers['welcome']>(),
    stop: vi.fn<SessionHandlers['stop']>(),
    keys: vi.fn<SessionHandlers['keys']>(),
    relay: vi.fn<SessionHandlers['relay']>(),
    freeze: vi.fn<SessionHandlers['freeze']>(),
    thaw: vi.fn<SessionHandlers['thaw']>(),
    refused: vi.fn<SessionHandlers['refused']>(),
  };
  const { environmentId, workerId, generation } = server.manifest;
  const session = openSession({
    config: {
      EASEL_SERVER_URL: server.url,
      EASEL_ENVIRONMENT_ID: environmentId,
      EASEL_WORKER_ID: workerId,
      EASEL_GENERATION: generation,
      EASEL_WORKER_TOKEN: new Secret(server.token),
    },
    agentVersion: '1.2.3',
    handlers,
    clock: systemClock,
    log: silentLog,
  });
  sessions.push(session);
  return { server, session, handlers };
}

const named = (name: string): WorkerEvent => ({ type: 'container.started', name, image: '' });
const namesOf = (server: FakeServer) => server.all('container.started').map(({ name }) => name);

test('says hello, gets the manifest, reports in order', async () => {
  const { server, session, handlers } = await connected();
  session.report(named('a'));
  session.report(named('b'));
  expect(await session.settled(5_000)).toBe(true);
  expect(namesOf(server)).toEqual(['a', 'b']);
  expect(handlers.welcome).toHaveBeenCalledTimes(1);
  expect(handlers.welcome.mock.calls[0]![0].manifest).toEqual(server.manifest);
  expect(server.hellos[0]).toMatchObject({ agentVersion: '1.2.3', token: server.token });
});

test('reports and log lines of an outage arrive once and in order, with the same secret', async () => {
  const { server, session } = await connected();
  session.report(named('before'));
  session.log.add('worker', 'system', 'before');
  await session.settled(5_000);
  server.goDown();
  await server.until(() => !server.isConnected, 'the cut');
  for (let i = 0; i < 50; i++) {
    session.report(named(`during ${i}`));
    session.log.add('worker', 'system', `during ${i}`);
  }
  server.comeBack();
  expect(await session.settled(10_000)).toBe(true);
  const during = Array.from({ length: 50 }, (_, i) => `during ${i}`);
  expect(namesOf(server)).toEqual(['before', ...during]);
  expect(server.lines.map(({ text }) => text)).toEqual(['before', ...during]);
  expect(new Set(server.hellos.map(({ secret }) => secret)).size).toBe(1);
});

test('what the server took and lost before it was stored is sent again', async () => {
  const { server, session } = await connected();
  server.isStoring = false;
  session.report(named('a'));
  session.log.add('worker', 'system', 'a');
  expect(await session.settled(300)).toBe(false);
  server.isStoring = true;
  server.goDown();
  server.comeBack();
  expect(await session.settled(10_000)).toBe(true);
  expect(namesOf(server)).toEqual(['a']);
  expect(server.text()).toBe('a');
});

/** Whether the worker took it, and so believes that the line is up. */
function beat(session: Session): boolean {
  const at = new Date().toISOString();
  const activity = { lastActiveAt: at, sources: [] };
  const sessions = { ssh: 0, port: 0 };
  return session.beat({ type: 'worker.heartbeat', at, activity, resources: null, git: [], ports: [], sessions });
}

test('a heartbeat is sent now or not at all', async () => {
  const { server, session } = await connected();
  expect(beat(session)).toBe(false);
  session.report(named('a'));
  await session.settled(5_000);
  expect(beat(session)).toBe(true);
  await server.until(() => server.heartbeats.length === 1, 'heartbeat');
});

test('commands are handed on; what is not understood is left alone', async () => {
  const { server, session, handlers } = await connected();
  session.report(named('a'));
  await session.settled(5_000);
  server.send({ type: 'worker.dance' } as never);
  server.send({ type: 'keys.update', authorizedKeys: [], revokedCredentials: [], certificateAuthorities: [] });
  server.send({ type: 'relay.update', relay: { url: 'ws://r', token: 't', expiresAt: new Date().toISOString() } });
  server.stop(7);
  await vi.waitFor(() => expect(handlers.stop).toHaveBeenCalledWith(expect.objectContaining({ deadlineSeconds: 7 })));
  expect(handlers.keys).toHaveBeenCalledTimes(1);
  expect(handlers.relay).toHaveBeenCalledTimes(1);
});

test('a refusal for good ends the dialling, one for now does not', { timeout: 30_000 }, async () => {
  const { server, handlers, session } = await connected();
  server.refusal = { type: 'worker.refused', code: 'STORE_UNAVAILABLE', message: 'later', isFinal: false };
  server.goDown();
  server.comeBack();
  await server.until(() => server.hellos.length >= 2, 'second hello', 10_000);
  expect(handlers.refused).not.toHaveBeenCalled();
  server.refusal = { type: 'worker.refused', code: 'GENERATION_STALE', message: 'another worker', isFinal: true };
  await vi.waitFor(() => expect(handlers.refused).toHaveBeenCalledWith('another worker'), 20_000);
  expect(await session.settled(5_000)).toBe(false);
  const count = server.hellos.length;
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(server.hellos).toHaveLength(count);
});

test('a close without a refusal is no refusal, whatever its code', { timeout: 30_000 }, async () => {
  const { server, session, handlers } = await connected();
  session.report(named('a'));
  await session.settled(5_000);
  server.hangUp(ERRORS.GENERATION_STALE.close, 'another connection of this worker has reported meanwhile');
  await server.until(() => server.hellos.length === 2, 'second hello');
  session.report(named('b'));
  expect(await session.settled(5_000)).toBe(true);
  expect(namesOf(server)).toEqual(['a', 'b']);
  expect(handlers.refused).not.toHaveBeenCalled();
});

test('progress of an outage is told once, by its newest word', async () => {
  const { server, session } = await connected();
  session.report(named('a'));
  await session.settled(5_000);
  server.goDown();
  await vi.waitFor(() => expect(beat(session)).toBe(false));
  for (let i = 0; i <= 10; i++) {
    session.report({ type: 'step.progressed', step: 'sources', fraction: i / 10, text: `${i}` });
  }
  server.comeBack();
  await session.settled(10_000);
  expect(server.all('step.progressed').map(({ text }) => text)).toEqual(['10']);
});
