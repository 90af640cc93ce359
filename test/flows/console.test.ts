/** The `easel` command for tokens, the audit log and a sign-in with a code, against the whole product. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Ran, type Stack, startStack } from '../kit/stack.ts';

/** Itself, so that Ctrl-C reaches it. */
const program = new URL('../../gateway/bin/easel.mjs', import.meta.url).pathname;

interface TokenJson {
  id: string;
  token: string;
  name: string;
  scopes: string[] | null;
  expiresAt: string | null;
  rotatedFrom: string | null;
}

describeWith(['git', 'built web'], 'the command', () => {
  let stack: Stack;
  const json = <T>(words: readonly string[]) => stack.easelJson<T>(words);
  const at = (name: string) => join(stack.scratchDir, name);
  const withToken = (token: string, words: readonly string[]) => stack.easel(words, { env: { EASEL_TOKEN: token } });

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
  });
  afterAll(async () => {
    await stack?.stop();
  });

  describe('makes tokens', () => {
    it('that may only what their scopes say, and end when they should', async () => {
      const created = await json<TokenJson>(['token', 'create', 'reader', '--scope', 'read', '--expires', '2d']);
      expect(created.scopes).toEqual(['read']);
      const hours = (Date.parse(created.expiresAt ?? '') - Date.now()) / 3_600_000;
      expect(Math.round(hours)).toBe(48);
      expect((await withToken(created.token, ['list'])).code).toBe(0);
      const refused = await withToken(created.token, ['token', 'create', 'wider', '--json']);
      expect([refused.code, JSON.parse(refused.stderr).code]).toEqual([1, 'FORBIDDEN']);
      const shown = await stack.easel(['token', 'list']);
      expect(shown.stdout).toMatch(/^reader +easel_pat_\S+… +read /m);
      expect(shown.stdout).not.toContain(created.token);
    });

    it('anew, while the one before is good for a while', async () => {
      const { token: before, id } = await json<TokenJson>(['token', 'create', 'nightly']);
      const after = await json<TokenJson>(['token', 'rotate', 'nightly', '--overlap', '2']);
      expect(after).toMatchObject({ name: 'nightly', rotatedFrom: id });
      for (const token of [before, after.token]) expect((await withToken(token, ['whoami'])).code).toBe(0);
      expect((await stack.easel(['token', 'list'])).stdout).toMatch(/in 1h, replaced/);
      // By its name is meant the one that is in use; the one before goes by its id.
      const again = await json<TokenJson>(['token', 'rotate', 'nightly', '--overlap', '0']);
      expect(again.rotatedFrom).toBe(after.id);
      expect((await withToken(after.token, ['whoami'])).code).toBe(1);
      expect((await stack.easel(['token', 'revoke', id])).code).toBe(0);
      expect((await withToken(before, ['whoami'])).code).toBe(1);
      expect((await withToken(again.token, ['whoami'])).code).toBe(0);
    });

    it('for service accounts, and completes their words', async () => {
      const input = { login: 'robot', name: 'Robot' };
      const document =
        'mutation ($input: CreateServiceAccountInput!) { createServiceAccount(input: $input) { __typename } }';
      await stack.api.query(document, { input });
      const made = await json<TokenJson>(['token', 'create', 'ci', '--for', 'robot', '--scope', 'read']);
      expect((await withToken(made.token, ['whoami'])).stdout).toContain('robot');
      expect((await json<TokenJson[]>(['token', 'list', '--for', 'robot'])).map(({ name }) => name)).toEqual(['ci']);
      expect((await json<TokenJson[]>(['token', 'list'])).map(({ name }) => name)).not.toContain('ci');
      expect((await stack.easel(['token', 'revoke', 'ci', '--for', 'robot'])).code).toBe(0);
      expect((await withToken(made.token, ['whoami'])).code).toBe(1);
      const offered = async (...words: string[]) =>
        (await stack.easel(['complete', '--', ...words])).stdout.split('\n');
      expect(await offered('token', 'create', 'x', '--for', '')).toContain('robot');
      expect(await offered('token', 'create', 'x', '--scope', 'environment.e')).toContain('environment.enter');
      expect(await offered('token', 'revoke', 'read')).toContain('reader');
      expect((await stack.easel(['token', 'scopes'])).stdout).toMatch(/^environments +create, start/m);
    });
  });

  describe('reads the audit log', () => {
    it('filtered as the API does it', async () => {
      const rotations = await json<{ action: string; thingName: string; outcome: string }[]>([
        'audit',
        'list',
        '--action',
        'rotateApiToken',
        '--thing',
        'nightly',
        '--from',
        '2026-01-01',
      ]);
      expect(rotations).toMatchObject([{ action: 'rotateApiToken' }, { outcome: 'done' }]);
      const refused = await stack.easel(['audit', 'list', '--outcome', 'FORBIDDEN', '--limit', '1']);
      expect(refused.stdout).toMatch(/createApiToken +wider +FORBIDDEN/);
      expect(await stack.easel(['audit', 'list', '--from', 'yesterday'])).toMatchObject({ code: 2 });
    });

    it('into a file that can be verified without a server, and finds out what was changed', async () => {
      const path = at('audit.jsonl');
      const verified = await eventually(
        async () => {
          const ran = await stack.easel(['audit', 'verify', '--json']);
          const said = JSON.parse(ran.stdout) as { entries: number; isIntact: boolean };
          return said.entries > 5 ? said : null;
        },
        60_000,
        'entries are sealed',
      );
      expect(verified.isIntact).toBe(true);
      expect(await stack.easel(['audit', 'export', '-o', path])).toMatchObject({ code: 0, stdout: '' });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const alone = { env: { EASEL_URL: 'http://127.0.0.1:9', EASEL_TOKEN: '' } };
      const verify = (...files: string[]): Promise<Ran> =>
        stack.easel(['audit', 'verify', ...files.flatMap((file) => ['--file', file])], alone);
      expect((await verify(path)).stdout).toMatch(/^\d+ entries, each as it was when it was sealed/);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace('"thingName":"nightly"', '"thingName":"harmless"'));
      const broken = await verify(path);
      expect([broken.code, broken.stderr]).toEqual([1, expect.stringMatching(/the chain is broken at entry \d+/)]);
      writeFileSync(path, text.split('\n').slice(0, -2).join('\n'));
      expect((await verify(path)).stderr).toContain('its end is missing');
      mkdirSync(at('folder'));
      writeFileSync(at('folder/a.jsonl'), text);
      expect((await verify(at('folder'))).code).toBe(0);
      expect(await verify(at('nowhere'))).toMatchObject({ code: 2 });
    });

    it('as a table, to the standard output', async () => {
      const ran = await stack.easel(['audit', 'export', '--format', 'csv', '--action', 'rotateApiToken']);
      const [head, ...rows] = ran.stdout.trim().split('\r\n');
      expect(head).toMatch(/^number,at,actorKind/);
      expect(rows.every((row) => row.includes('rotateApiToken'))).toBe(true);
    });

    it('for nobody else', async () => {
      const { token } = await json<TokenJson>(['token', 'create', 'narrow', '--scope', 'environments']);
      for (const words of [['list'], ['verify'], ['export', '-o', at('none.jsonl')]]) {
        const ran = await withToken(token, ['audit', ...words, '--json']);
        expect([ran.code, JSON.parse(ran.stderr).code]).toEqual([1, 'FORBIDDEN']);
      }
      expect(existsSync(at('none.jsonl'))).toBe(false);
    });
  });

  describe('is signed in with a code', () => {
    const begin = async (who: string) => {
      const env = { EASEL_URL: '', EASEL_TOKEN: '', XDG_CONFIG_HOME: at(who) };
      const command = spawn(process.execPath, [program, 'sign-in', stack.url, '--device', '--json'], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [command.stdout, command.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
        });
      const ended = once(command, 'exit');
      const [code] = await eventually(() => /\b[B-Z]{4}-[B-Z]{4}\b/.exec(said), 30_000, 'the code');
      return { code, command, ended, env, said: () => said };
    };
    const answer = (verb: string, code: string) =>
      stack.api.query(`mutation ($code: String!) { ${verb}DeviceSignIn(code: $code) { __typename } }`, { code });

    it('once somebody has approved it', async () => {
      const { code, ended, env, said } = await begin('approved');
      await answer('approve', code);
      expect(await ended).toEqual([0, null]);
      expect(said()).toContain('"login":"admin"');
      expect((await stack.easel(['whoami'], { env })).stdout).toContain('admin');
      expect(JSON.parse((await stack.easel(['sign-out', '--json'], { env })).stdout)).toMatchObject({
        isRevoked: true,
      });
    });

    it('not when it is denied, nor when it is ended with Ctrl-C', async () => {
      const denied = await begin('denied');
      await answer('deny', denied.code);
      expect(await denied.ended).toEqual([1, null]);
      expect(denied.said()).toContain('"code":"FORBIDDEN"');
      const left = await begin('left');
      left.command.kill('SIGINT');
      expect(await left.ended).toEqual([130, null]);
      for (const { env } of [denied, left]) expect((await stack.easel(['whoami'], { env })).code).toBe(1);
    });
  });
});
