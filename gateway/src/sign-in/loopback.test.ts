import { request } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { Interrupted } from '../io.ts';
import { listenForToken, type SignInListener } from './loopback.ts';

const TOKEN = `easel_pat_${'a'.repeat(43)}`;
let listener: SignInListener | undefined;
afterEach(() => listener?.close());

async function listening(options: { url?: string; signal?: AbortSignal; timeoutMs?: number } = {}) {
  listener = await listenForToken({
    url: 'https://easel.example.com/team',
    name: 'my laptop',
    signal: new AbortController().signal,
    ...options,
  });
  const page = new URL(listener.pageUrl);
  return {
    page,
    state: page.searchParams.get('state') ?? '',
    port: Number(page.searchParams.get('port')),
    token: listener.token,
  };
}

/** Sends a form as a browser does. */
function post(
  port: number,
  form: Record<string, string>,
  headers: Record<string, string> = {},
  path = '/',
  method = 'POST',
) {
  return new Promise<{ status: number; page: string }>((resolve, reject) => {
    const req = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
    req.on('error', reject);
    req.on('response', (res) => {
      let page = '';
      res.on('data', (text) => (page += text));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, page }));
    });
    req.end(new URLSearchParams(form).toString());
  });
}

const isPending = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 20))]);

it('opens a page of Easel that knows port, state and name', async () => {
  const { page, state, port } = await listening();
  expect(page.href).toMatch(/^https:\/\/easel\.example\.com\/team\/settings\/tokens\/command\?/);
  expect(state).toMatch(/^[\w-]{43}$/);
  expect(port).toBeGreaterThan(0);
  expect(page.searchParams.get('name')).toBe('my laptop');
});

it.each(['https://easel.example.com', 'null'])('takes the token with the state, from the origin %s', async (origin) => {
  const { state, port, token } = await listening();
  const answer = await post(port, { state, token: TOKEN }, { origin });
  expect(answer).toMatchObject({ status: 200, page: expect.stringContaining('close this window') });
  expect(await token).toBe(TOKEN);
});

it('refuses a wrong state and goes on waiting', async () => {
  const { state, port, token } = await listening();
  for (const wrong of ['', 'guess', 'x'.repeat(43), `${state}x`]) {
    expect((await post(port, { state: wrong, token: TOKEN })).status).toBe(403);
  }
  expect(await isPending(token)).toBe(true);
  expect((await post(port, { state, token: TOKEN })).status).toBe(200);
});

it('refuses other origins and other hosts, though they know the state', async () => {
  const { state, port, token } = await listening();
  const form = { state, token: TOKEN };
  for (const origin of ['https://evil.example', 'http://easel.example.com', 'https://easel.example.com.evil.example'])
    expect((await post(port, form, { origin })).status).toBe(403);
  expect((await post(port, form, { host: `rebound.example:${port}` })).status).toBe(403);
  expect(await isPending(token)).toBe(true);
});

it('refuses what is no form of ours', async () => {
  const { state, port, token } = await listening();
  expect((await post(port, {}, {}, '/', 'GET')).status).toBe(405);
  expect((await post(port, { state, token: TOKEN }, {}, '/other')).status).toBe(404);
  expect((await post(port, { state, token: 'no token' })).status).toBe(400);
  await expect(post(port, { state, token: 'x'.repeat(100_000) })).rejects.toThrow();
  expect(await isPending(token)).toBe(true);
});

it('ends at its limit, and when the command is interrupted', async () => {
  const late = await listening({ timeoutMs: 20 });
  await expect(late.token).rejects.toMatchObject({ code: 'TIMED_OUT' });
  listener?.close();
  const controller = new AbortController();
  const stopped = await listening({ signal: controller.signal });
  controller.abort(new Interrupted('SIGINT'));
  await expect(stopped.token).rejects.toBeInstanceOf(Interrupted);
});
