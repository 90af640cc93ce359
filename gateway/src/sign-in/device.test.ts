import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@easel/kit/clock';
import { afterEach, expect, it } from 'vitest';
import { Interrupted } from '../io.ts';
import { type DeviceCode, tokenByCode } from './device.ts';

type Said = { status?: number; body: unknown } | 'cut';
const BEGUN = {
  device_code: 'd',
  user_code: 'BCDF-GHJK',
  verification_uri: 'https://easel.example.com/device',
  verification_uri_complete: 'https://easel.example.com/device?code=BCDF-GHJK',
  expires_in: 600,
  interval: 5,
};
const PENDING = { status: 400, body: { error: 'authorization_pending' } };

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that says these things, one after the other; what it was sent, and how long the command waited between. */
async function against(answers: Said[], options: { signal?: AbortSignal } = {}) {
  const forms: Record<string, string>[] = [];
  const waits: number[] = [];
  let nowMs = 0;
  server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    forms.push(Object.fromEntries(new URLSearchParams(text)));
    const said = answers.length > 1 ? answers.shift() : answers[0];
    if (!said || said === 'cut') response.destroy();
    else response.writeHead(said.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(said.body));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const shown: DeviceCode[] = [];
  const sleep = async (ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    waits.push(ms);
    nowMs += ms;
  };
  const token = tokenByCode({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/team`,
    name: 'my server',
    signal: options.signal ?? new AbortController().signal,
    clock: { ...systemClock, now: () => nowMs, sleep },
    show: (code) => shown.push(code),
  });
  return { token, forms, waits, shown };
}

it('shows the code, asks as often as it is told, and gives the token', async () => {
  const slow = { status: 400, body: { error: 'slow_down' } };
  const run = await against([{ body: BEGUN }, PENDING, slow, PENDING, { body: { access_token: 't' } }]);
  expect(await run.token).toBe('t');
  expect(run.waits).toEqual([5000, 5000, 10_000, 10_000]);
  expect(run.shown).toMatchObject([{ userCode: 'BCDF-GHJK', pageUrl: BEGUN.verification_uri, expiresInSeconds: 600 }]);
  expect(run.forms[0]).toEqual({ client_id: 'easel', device_name: 'my server' });
  expect(run.forms[1]).toMatchObject({ device_code: 'd', grant_type: expect.stringContaining('device_code') });
});

it('goes on when the server is away for a moment, or says nothing that can be read', async () => {
  const run = await against([{ body: BEGUN }, 'cut', { status: 502, body: null }, { body: { access_token: 't' } }]);
  expect(await run.token).toBe('t');
});

it.each([
  ['access_denied', 'FORBIDDEN'],
  ['expired_token', 'TIMED_OUT'],
  ['invalid_grant', 'TIMED_OUT'],
])('ends at %s', async (error, code) => {
  const run = await against([{ body: BEGUN }, PENDING, { status: 400, body: { error } }]);
  await expect(run.token).rejects.toMatchObject({ code });
});

it('ends by itself when the code is over, or the command is interrupted', async () => {
  const late = await against([{ body: BEGUN }, PENDING]);
  await expect(late.token).rejects.toMatchObject({ code: 'TIMED_OUT' });
  expect(late.waits).toHaveLength(120);
  server?.close();
  const controller = new AbortController();
  controller.abort(new Interrupted('SIGINT'));
  const stopped = await against([{ body: BEGUN }], { signal: controller.signal });
  await expect(stopped.token).rejects.toBeInstanceOf(Interrupted);
});

it('says when the server knows no such thing, or takes no more', async () => {
  const old = await against([{ status: 404, body: null }]);
  await expect(old.token).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
  server?.close();
  const many = await against([{ status: 429, body: { error: 'temporarily_unavailable', error_description: 'later' } }]);
  await expect(many.token).rejects.toMatchObject({ code: 'RATE_LIMITED', message: 'later' });
});
