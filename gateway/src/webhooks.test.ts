/** Whole runs of the commands for webhooks, as in run.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runAt } from './testing/a-run.ts';
import { aWebhook } from './testing/a-webhook.ts';
import { type FakeApi, startFakeApi } from './testing/fake-api.ts';

// Other suites share the machine.
vi.setConfig({ testTimeout: 30_000 });

let api: FakeApi;
let home: string;
beforeEach(async () => {
  api = await startFakeApi();
  home = mkdtempSync(join(tmpdir(), 'easel-webhooks-'));
});
afterEach(async () => {
  await api.stop();
  rmSync(home, { recursive: true });
});

const easel = (...words: readonly string[]) => runAt(api, words, { home });

const argsOf = (field: string) => api.calls.find((call) => call.field === field)?.args;

it('one is made, and its secret alone stands on the standard output', async () => {
  const address = 'https://chat.example.com/hook';
  const made = await easel('webhook', 'create', 'chat', address, '--event', 'user.created', '--event', 'user.invited');
  expect(made).toMatchObject({ code: 0, stdout: 'whsec_new\n' });
  expect(made.stderr).toContain('shown this once');
  const events = ['user.created', 'user.invited'];
  expect(argsOf('createWebhook')).toEqual({ input: { name: 'chat', url: address, events } });
  expect((await easel('webhook', 'create', 'chat', address)).code).toBe(2);
});

it('they are listed, with what they can be told of', async () => {
  expect((await easel('webhook', 'list')).stdout).toMatch(
    /chat +on +https:\/\/chat\.example\.com\/hook +user\.created/,
  );
  const { __typename, ...fields } = aWebhook;
  expect(JSON.parse((await easel('webhook', 'list', '--json')).stdout)).toEqual([fields]);
  expect((await easel('webhook', 'events')).stdout).toContain('environment.failed');
});

it('what was delivered is listed by the name of the webhook, and delivered again', async () => {
  const { stdout } = await easel('webhook', 'deliveries', 'chat');
  expect(stdout).toMatch(/user\.created +given_up +8 +500 .* answered 500/);
  const again = await easel('webhook', 'redeliver', 'whd01jdc000000000000000000000');
  expect(again.stdout).toBe('user.created is on its way again\n');
});

it('a ping that is not taken fails the command', async () => {
  const { code, stderr } = await easel('webhook', 'test', 'chat');
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'easel: chat did not take the ping: answered 500\n' });
});

it('one is deleted by its name, and names are offered', async () => {
  expect((await easel('webhook', 'delete', 'chat')).stdout).toBe('The webhook chat is deleted\n');
  expect(argsOf('deleteWebhook')).toEqual({ id: aWebhook.id });
  expect((await easel('complete', '--', 'webhook', 'delete', '')).stdout).toBe('chat\n');
  expect((await easel('complete', '--', 'webhook', 'create', 'x', 'y', '--event', 'u')).stdout).toBe('user.created\n');
});
