import { afterEach, expect, it } from 'vitest';
import { fakeClock } from './fake-clock.ts';
import { Health, listenHealth } from './health.ts';
import { createMetrics } from './metrics.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

async function serve(health: Health) {
  const server = await listenHealth({ host: '127.0.0.1', port: 0, health });
  opened.push(server);
  return async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, body: await response.text(), type: response.headers.get('content-type') };
  };
}

it('is alive as soon as it listens and ready when told so', async () => {
  const health = new Health();
  const get = await serve(health);
  expect((await get('/healthz')).status).toBe(200);
  expect(await get('/readyz')).toMatchObject({ status: 503, body: 'not ready\n' });
  health.ready = true;
  expect(await get('/readyz?verbose')).toMatchObject({ status: 200, body: 'ready\n' });
});

it('names each check that fails', async () => {
  const health = new Health();
  health.ready = true;
  health.check('database', () => Promise.reject(new Error('connection refused')));
  health.check('cache', () => undefined);
  const get = await serve(health);
  expect(await get('/readyz')).toMatchObject({ status: 503, body: 'database: connection refused\n' });
  expect((await get('/healthz')).status).toBe(200);
});

it('takes a check that hangs as failed', async () => {
  const clock = fakeClock();
  const health = new Health({ clock });
  health.ready = true;
  health.check('database', () => new Promise(() => undefined));
  const problems = health.problems();
  await clock.advance(2_000);
  expect(await problems).toEqual(['database: no answer in 2000 ms']);
  expect(clock.pending).toBe(0);
});

it('shows metrics, unless the server faces the public', async () => {
  const metrics = createMetrics('tester');
  metrics.counter('easel_turns_total', 'Turns.').inc();
  const health = new Health({ metrics });
  const get = await serve(health);
  const answer = await get('/metrics');
  expect(answer.type).toContain('version=0.0.4');
  expect(answer.body).toContain('easel_turns_total');
  const req = { method: 'GET', url: '/metrics' };
  expect(health.handle(req as never, {} as never, { metrics: false })).toBe(false);
});

it('leaves other paths and methods to others', async () => {
  const get = await serve(new Health());
  expect((await get('/')).status).toBe(404);
  expect((await get('/healthz', { method: 'POST' })).status).toBe(404);
});

it('tells when its port is taken', async () => {
  const first = await listenHealth({ host: '127.0.0.1', port: 0, health: new Health() });
  opened.push(first);
  await expect(listenHealth({ host: '127.0.0.1', port: first.port, health: new Health() })).rejects.toThrow(
    'EADDRINUSE',
  );
});
