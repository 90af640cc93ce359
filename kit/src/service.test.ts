import { expect, it } from 'vitest';
import { z } from 'zod';
import { fakeClock } from './fake-clock.ts';
import { createLog } from './log.ts';
import { runService, type ServiceContext, type ServiceHost } from './service.ts';

type Event = Parameters<ServiceHost['on']>[0];

/** A process that is not one: it keeps what it was told. */
function fakeHost(env: Record<string, string> = {}) {
  const handlers = new Map<Event, (err?: unknown) => void>();
  const exited = Promise.withResolvers<number>();
  const seen = { exits: [] as number[], sent: [] as object[], complaints: '', lines: [] as Record<string, unknown>[] };
  const clock = fakeClock();
  const host: ServiceHost = {
    env,
    clock,
    exit: (code) => {
      seen.exits.push(code);
      exited.resolve(code);
    },
    on: (event, fn) => void handlers.set(event, fn),
    send: (message) => void seen.sent.push(message),
    complain: (text) => {
      seen.complaints += text;
    },
    createLog: (name, options) =>
      createLog(name, { ...options, destination: { write: (line) => void seen.lines.push(JSON.parse(line)) } }),
  };
  return {
    host,
    seen,
    clock,
    exited: exited.promise,
    emit: (event: Event, err?: unknown) => handlers.get(event)?.(err),
  };
}

const config = z.object({ EASEL_PORT: z.coerce.number() });
type Context = ServiceContext<z.output<typeof config>>;

async function started(start: (ctx: Context) => Promise<void> | void, env: Record<string, string> = {}) {
  const process = fakeHost({ EASEL_PORT: '1', ...env });
  let ctx: Context | undefined;
  await runService(
    'tester',
    {
      config,
      async start(given) {
        ctx = given;
        await start(given);
      },
    },
    process.host,
  );
  return { ...process, ctx: ctx as Context };
}

it('becomes ready, and tells the supervisor what it announced', async () => {
  const { ctx, seen } = await started(({ announce, config }) => announce({ port: config.EASEL_PORT }));
  expect(ctx.health.ready).toBe(true);
  expect(seen.sent).toEqual([{ type: 'ready', port: 1 }]);
  expect(seen.lines.at(-1)).toMatchObject({ service: 'tester', message: 'ready' });
});

it('prints all problems of the configuration together and exits with 78', async () => {
  const { host, seen } = fakeHost({ EASEL_PORT: 'x', EASEL_LOG_LEVEL: 'loud' });
  let hasStarted = false;
  const start = async () => {
    hasStarted = true;
  };
  await runService('tester', { config, start }, host);
  expect(seen.exits).toEqual([78]);
  expect(seen.complaints).toContain('EASEL_PORT: ');
  expect(seen.complaints).toContain('EASEL_LOG_LEVEL: ');
  expect(hasStarted).toBe(false);
});

it('on SIGTERM is not ready any more, closes and exits with 0', async () => {
  const order: string[] = [];
  const process = await started(({ stop, health }) => {
    stop.add('listener', () => void order.push(`closed while ${health.ready ? 'ready' : 'not ready'}`));
  });
  process.emit('SIGTERM');
  expect(await process.exited).toBe(0);
  expect(order).toEqual(['closed while not ready']);
});

it('on a second signal exits at once', async () => {
  const process = await started(({ stop }) => stop.add('hanging', () => new Promise(() => undefined)));
  process.emit('SIGINT');
  process.emit('SIGINT');
  expect(await process.exited).toBe(1);
});

it('stops while it is still starting', async () => {
  const process = fakeHost({ EASEL_PORT: '1' });
  const running = runService(
    'tester',
    {
      config,
      async start({ stop, clock }) {
        await clock.sleep(60_000, stop.signal);
      },
    },
    process.host,
  );
  await process.clock.advance(10);
  process.emit('SIGTERM');
  await running;
  expect(await process.exited).toBe(0);
  expect(process.seen.sent).toEqual([]);
});

it('closes what had started and exits with 1 when the start fails', async () => {
  let isClosed = false;
  const { seen } = await started(({ stop }) => {
    stop.add('database', () => {
      isClosed = true;
    });
    throw new Error('no room');
  });
  expect(isClosed).toBe(true);
  expect(seen.exits).toEqual([1]);
  expect(seen.lines.find((line) => line.message === 'start failed')).toMatchObject({ err: { message: 'no room' } });
});

it('logs an unhandled rejection and exits with 1', async () => {
  const process = await started(() => undefined);
  process.emit('unhandledRejection', new Error('forgotten'));
  expect(process.seen.exits).toEqual([1]);
  expect(process.seen.lines.at(-1)).toMatchObject({ level: 'fatal', err: { message: 'forgotten' } });
});

it('follows its parent only when told to', async () => {
  const loyal = await started(() => undefined, { EASEL_EXIT_WITH_PARENT: '1' });
  loyal.emit('disconnect');
  expect(await loyal.exited).toBe(0);
  const free = await started(() => undefined);
  free.emit('disconnect');
  expect(free.seen.exits).toEqual([]);
});
