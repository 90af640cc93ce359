/**
 * Whole runs of the command, from words to exit code, against an API made of the committed schema. Long, since it says for
 * every command what a script may rely on; the pieces have tests of their own.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Interrupted } from './io.ts';
import { run } from './run.ts';
import { aStep } from './testing/an-environment.ts';
import { FAKE_TOKEN, type FakeApi, startFakeApi } from './testing/fake-api.ts';
import { aScreen } from './testing/screen.ts';

// Other suites share the machine.
vi.setConfig({ testTimeout: 30_000 });
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 });

let api: FakeApi;
let home: string;
beforeEach(async () => {
  api = await startFakeApi();
  home = mkdtempSync(join(tmpdir(), 'easel-run-'));
});
afterEach(async () => {
  await api.stop();
  rmSync(home, { recursive: true });
});

/** Starts a run; `code` resolves at its end. */
function begin(words: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) {
  const interruption = new AbortController();
  const stdin = new PassThrough();
  stdin.end(options.input ?? '');
  const io = {
    env: { HOME: home, EASEL_URL: api.url, EASEL_TOKEN: FAKE_TOKEN, ...options.env },
    stdin,
    stdout: aScreen(),
    stderr: aScreen(),
    signal: interruption.signal,
  };
  return {
    code: run(words, io),
    stdout: () => io.stdout.text(),
    stderr: () => io.stderr.text(),
    interrupt: (signal: NodeJS.Signals = 'SIGINT') => interruption.abort(new Interrupted(signal)),
  };
}

async function easel(words: readonly string[], options: Parameters<typeof begin>[1] = {}) {
  const ran = begin(words, options);
  return { code: await ran.code, stdout: ran.stdout(), stderr: ran.stderr() };
}

const inputOf = (field: string) =>
  api.calls.find((call) => call.field === field)?.args.input as Record<string, unknown>;

describe('list and show', () => {
  it('print an aligned table, without colours where there is no terminal', async () => {
    api.add({ name: 'shop' });
    api.add({ name: 'a-longer-name', phase: 'stopped', desired: 'stopped', branch: null });
    const { code, stdout } = await easel(['list']);
    expect(code).toBe(0);
    const [head, first, second] = stdout.split('\n');
    expect(head).toMatch(/^NAME +PHASE +TEMPLATE +BRANCH +CREATED +ACTIVE$/);
    expect(first?.indexOf('running')).toBe(head?.indexOf('PHASE'));
    expect(second?.indexOf('stopped')).toBe(head?.indexOf('PHASE'));
  });

  it('take all pages', async () => {
    for (let number = 0; number < 120; number++) api.add({ name: `box-${number}` });
    const { stdout } = await easel(['list', '--json']);
    expect(JSON.parse(stdout)).toHaveLength(120);
  });

  it('print at least id, name, phase, connectivity, failure and steps as JSON', async () => {
    api.add({ name: 'shop', steps: [aStep({ state: 'done', durationMs: 12 })] });
    const shown = JSON.parse((await easel(['show', 'shop', '--json'])).stdout);
    expect(shown).toMatchObject({ name: 'shop', phase: 'running', connectivity: 'online', failure: null });
    expect(shown.steps).toMatchObject([{ name: 'image', number: 1, state: 'done', durationMs: 12 }]);
    expect(JSON.parse((await easel(['show', shown.id, '--json'])).stdout)).toEqual(shown);
  });

  it('never print control characters of others', async () => {
    api.add({ name: 'shop', reason: 'wait\u001b]0;title\u0007ing\u001b[2J', phase: 'provisioning' });
    for (const words of [['list'], ['show', 'shop']]) {
      const { stdout } = await easel(words);
      expect(stdout).toContain('waiting');
      expect(stdout).not.toContain('\u001b');
    }
  });
});

describe('refusals', () => {
  it('say that no environment has the name', async () => {
    const { code, stderr } = await easel(['show', 'nobody']);
    expect(code).toBe(1);
    expect(stderr).toBe('easel: no environment is called "nobody"; `easel list` shows yours\n');
  });

  it('are one line of JSON with --json, and nothing else is printed', async () => {
    const { code, stdout, stderr } = await easel(['--json', 'show', 'nobody']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('nobody') });
  });

  it('of unsaved work say what would be lost', async () => {
    api.add({ name: 'shop' });
    const details = { wouldLose: [{ path: '/home/dev/shop', uncommitted: 2 }] };
    const message = 'deleting would lose 2 uncommitted changes in /home/dev/shop (main)';
    api.refusals.set('deleteEnvironment', { __typename: 'WrongState', code: 'WRONG_STATE', message, details });
    const { code, stderr } = await easel(['delete', 'shop']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `easel: ${message}\n` });
    const json = await easel(['delete', 'shop', '--json']);
    expect(JSON.parse(json.stderr)).toEqual({ code: 'WRONG_STATE', message, details });
  });

  it('of bad input are bad usage', async () => {
    api.refusals.set('createEnvironment', {
      __typename: 'InvalidInput',
      code: 'INVALID_INPUT',
      message: 'no',
      details: {},
    });
    expect((await easel(['create', 'shop', '--git', 'ext::sh'])).code).toBe(2);
  });

  it('of a token say how to get another', async () => {
    const { code, stderr } = await easel(['list'], { env: { EASEL_TOKEN: 'easel_pat_old' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not accept the token: run `easel sign-in /);
  });

  it('tell when nobody answers', async () => {
    const { code, stderr } = await easel(['list'], { env: { EASEL_URL: 'http://127.0.0.1:9' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot reach http:\/\/127\.0\.0\.1:9.*is Easel running there\?/);
  });
});

describe('bad usage', () => {
  it.each([
    [[]],
    [['bogus']],
    [['show']],
    [['show', 'a', 'b']],
    [['list', '--bogus']],
    [['list', '--phase', 'flying']],
    [['create', 'a', '--git', 'https://a', '--template', 'b']],
    [['create', 'A b']],
    [['create', 'a', '--timeout', 'soon']],
    [['forward', 'shop']],
    [['forward', 'shop', 'http']],
    [['connect', 'shop', '--port', '70000']],
    [['template', 'create']],
    [['ssh-key', 'add', '/nowhere']],
    [['completion', 'tcsh']],
    [['--url', 'nonsense', 'list']],
  ])('%j exits with 2 and says why on the standard error', async (words) => {
    const { code, stdout, stderr } = await easel(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('is JSON with --json', async () => {
    const { code, stderr } = await easel(['list', '--bogus', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('--bogus') });
  });

  it('is not asking for help or the version', async () => {
    expect(await easel(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    for (const words of [['--help'], ['help', 'create'], ['create', '--help'], ['ssh-key', 'add', '--help']]) {
      const { code, stdout } = await easel(words);
      expect(code).toBe(0);
      expect(stdout).toContain('Examples:');
    }
  });
});

describe('create', () => {
  it('sends a key that makes it safe to ask again', async () => {
    expect((await easel(['create', 'shop', '-t', 'sample', '--branch', 'main'])).code).toBe(0);
    expect(inputOf('createEnvironment')).toMatchObject({ name: 'shop', template: 'sample', branch: 'main' });
    expect(inputOf('createEnvironment').requestKey).toMatch(/^[\w-]{36}$/);
  });

  it('takes a repository', async () => {
    const words = [
      'create',
      '--git=https://git.example.com/a.git',
      '--image',
      'debian:12',
      '--request-key',
      'k',
      '--',
      'shop',
    ];
    expect((await easel(words)).code).toBe(0);
    expect(inputOf('createEnvironment')).toEqual({
      name: 'shop',
      gitUrl: 'https://git.example.com/a.git',
      image: 'debian:12',
      requestKey: 'k',
    });
  });
});

describe('--wait', () => {
  it('shows each step and ends when it runs', async () => {
    const ran = begin(['create', 'shop', '--wait']);
    await eventually(() => api.watched).toBe(1);
    api.change('shop', { phase: 'provisioning', reason: 'starting a worker' });
    await eventually(ran.stderr).toContain('provisioning: starting a worker\n');
    api.change('shop', {
      phase: 'starting',
      reason: null,
      steps: [aStep({ state: 'done', durationMs: 40, text: 'here' })],
    });
    await eventually(ran.stderr).toMatch(/done +image +40ms +here\n/);
    api.change('shop', { phase: 'running', connectivity: 'online' });
    expect(await ran.code).toBe(0);
    expect(ran.stdout()).toBe('shop is running; `easel ssh shop` gets in\n');
  });

  it('goes on after the line was cut', async () => {
    const ran = begin(['create', 'shop', '--wait', '--json']);
    await eventually(() => api.watched).toBe(1);
    await api.cut();
    api.change('shop', { phase: 'running' });
    expect(await ran.code).toBe(0);
    expect(JSON.parse(ran.stdout())).toMatchObject({ name: 'shop', phase: 'running' });
  });

  it('ends with the class, the message and the advice of a failure', async () => {
    const failure = {
      class: 'sources',
      message: 'the branch nope is not there',
      advice: 'Check the branch.',
      step: 'sources',
      exitCode: 128,
      at: '2026-11-23T12:00:00.000Z',
    } as const;
    const ran = begin(['create', 'shop', '--wait']);
    await eventually(() => api.watched).toBe(1);
    api.change('shop', { phase: 'failed', failure });
    expect(await ran.code).toBe(1);
    expect(ran.stderr()).toContain(
      'easel: shop failed in the step sources (sources): the branch nope is not there\nCheck the branch.\n',
    );
    const again = begin(['start', 'shop', '--wait', '--json']);
    await eventually(() => api.watched).toBe(2);
    api.change('shop', { phase: 'failed', failure });
    expect(await again.code).toBe(1);
    expect(JSON.parse(again.stdout())).toMatchObject({ phase: 'failed', failure: { class: 'sources' } });
    expect(JSON.parse(again.stderr())).toMatchObject({
      code: 'ENVIRONMENT_FAILED',
      details: { class: 'sources', exitCode: 128 },
    });
  });

  it('stops and deletes', async () => {
    api.add({ name: 'shop' });
    const stopped = begin(['stop', 'shop', '--wait', '--json']);
    await eventually(() => api.watched).toBe(1);
    api.change('shop', { phase: 'stopped' });
    expect(await stopped.code).toBe(0);
    expect(JSON.parse(stopped.stdout()).phase).toBe('stopped');
    const deleted = begin(['delete', 'shop', '--force', '--wait']);
    await eventually(() => api.watched).toBe(2);
    api.change('shop', { phase: 'deleted' });
    expect(await deleted.code).toBe(0);
    expect(api.calls.find(({ field }) => field === 'deleteEnvironment')?.args).toMatchObject({ force: true });
  });

  it('keeps what would be deleted since nobody uses it', async () => {
    api.add({ name: 'shop', phase: 'stopped', desired: 'stopped' });
    expect((await easel(['keep', 'shop'])).stdout).toBe(
      'shop is kept; unless it is used, it is deleted on 2030-01-31\n',
    );
    expect(JSON.parse((await easel(['keep', 'shop', '--json'])).stdout)).toMatchObject({
      name: 'shop',
      cleanup: { at: '2030-01-31T12:00:00.000Z', isWarned: false },
    });
  });

  it('says when somebody wants something else by now', async () => {
    const ran = begin(['create', 'shop', '--wait']);
    await eventually(() => api.watched).toBe(1);
    api.change('shop', { phase: 'stopping', desired: 'stopped' });
    expect(await ran.code).toBe(1);
    expect(ran.stderr()).toContain('shop is stopping, not running; someone wants it stopped meanwhile');
  });

  it('leaves it as it is at Ctrl-C, and says so', async () => {
    const ran = begin(['create', 'shop', '--wait']);
    await eventually(() => api.watched).toBe(1);
    ran.interrupt();
    expect(await ran.code).toBe(130);
    expect(ran.stderr()).toContain('shop is queued and goes on without you');
    expect(api.rows.get('shop')?.desired).toBe('running');
  });

  it('gives up at its time limit', async () => {
    const { code, stderr } = await easel(['create', 'shop', '--wait', '--timeout', '1']);
    expect(code).toBe(1);
    expect(stderr).toContain('shop is queued, not running, after 1.0s; it goes on');
  });
});

describe('logs', () => {
  beforeEach(() => {
    api.add({ name: 'shop' });
    api.log([{ text: 'one' }, { text: 'two', source: 'hooks' }, { text: 'three' }]);
  });

  it('prints what there is', async () => {
    const { code, stdout } = await easel(['logs', 'shop']);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'sources one',
      'hooks two',
      'sources three',
      '',
    ]);
    expect((await easel(['logs', 'shop', '--tail', '1'])).stdout).toMatch(/^sources +three\n$/);
  });

  it('prints a JSON line for each, from a cursor on', async () => {
    const { stdout } = await easel(['logs', 'shop', '--json', '--since', 'c1']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).cursor),
    ).toEqual(['c2', 'c3']);
  });

  it('follows without losing or doubling a line when it is cut, and ends with the log', async () => {
    const ran = begin(['logs', 'shop', '-f', '--json']);
    await eventually(() => api.watched).toBe(1);
    api.log([{ text: 'four' }]);
    await eventually(ran.stdout).toContain('four');
    await api.cut();
    api.log([{ text: 'five' }], { hasEnded: true });
    expect(await ran.code).toBe(0);
    const texts = ran
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).text);
    expect(texts).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('ends at Ctrl-C as it should', async () => {
    const ran = begin(['logs', 'shop', '-f']);
    await eventually(() => api.watched).toBe(1);
    ran.interrupt();
    expect(await ran.code).toBe(0);
  });
});

describe('ways in', () => {
  it('are refused while it does not run, with what to do', async () => {
    api.add({ name: 'shop', phase: 'stopped', desired: 'stopped' });
    for (const words of [
      ['ssh', 'shop'],
      ['forward', 'shop', '8080'],
      ['connect', 'shop'],
    ]) {
      const { code, stderr } = await easel(words);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'easel: shop is stopped; `easel start shop --wait` starts it\n',
      });
    }
  });

  it('by the IDE say when the template names no port', async () => {
    api.add({ name: 'shop', idePort: null });
    const { code, stderr } = await easel(['connect', 'shop']);
    expect(code).toBe(1);
    expect(stderr).toContain('shop has no IDE port, since its template names none: name a port with --port');
  });
});

describe('templates and keys', () => {
  it('are made of YAML and of JSON', async () => {
    const yaml =
      'name: shop\nrepository: { url: https://git.example.com/shop.git }\nscripts:\n  start: { run: make }\n';
    const json = JSON.stringify({ name: 'shop', repository: { url: 'https://git.example.com/shop.git' } });
    expect((await easel(['template', 'create', '--file', '-'], { input: yaml })).code).toBe(0);
    expect(inputOf('createTemplate')).toMatchObject({ name: 'shop', scripts: { start: { run: 'make' } } });
    const file = join(home, 'shop.json');
    writeFileSync(file, json);
    expect(JSON.parse((await easel(['template', 'create', '--file', file, '--json'])).stdout).name).toBe('shop');
  });

  it('tell all that is wrong with a file', async () => {
    const { code, stderr } = await easel(['template', 'create', '-f', '-'], {
      input: 'name: A\nrepository: { url: x }\nbogus: 1',
    });
    expect(code).toBe(2);
    for (const part of ['name:', 'repository.url:', 'bogus']) expect(stderr).toContain(part);
    expect((await easel(['template', 'create', '-f', '-'], { input: '{ unclosed' })).code).toBe(2);
  });

  it('refuse a private key before anything is sent', async () => {
    const input = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n';
    const { code, stderr } = await easel(['ssh-key', 'add', '-'], { input });
    expect(code).toBe(2);
    expect(stderr).toContain('private key, which must never leave this machine');
    expect(api.calls).toEqual([]);
  });

  it('are added from the standard input', async () => {
    const input = `ssh-ed25519 ${'A'.repeat(68)} ada@laptop\n`;
    expect((await easel(['ssh-key', 'add', '-'], { input })).code).toBe(0);
    expect(inputOf('addSshKey')).toEqual({ name: 'ada@laptop', publicKey: input.trim() });
  });
});

describe('share', () => {
  it('shares for a day when nothing is said, lists it, and takes it back', async () => {
    api.add({ name: 'shop' });
    const added = await easel(['share', 'add', 'shop', 'ada', '--access', 'ports', '--port', '3000', '--port', '8080']);
    expect(added.stdout).toMatch(/^shop is shared with ada: ports 3000, 8080, ends in (23|24)h\n$/);
    expect(inputOf('shareEnvironment')).toMatchObject({ environment: 'shop', user: 'ada', ports: [3000, 8080] });
    const listed = await easel(['share', 'list', 'shop']);
    expect(listed.stdout).toMatch(/^WITH +ACCESS +ENDS +SINCE +NOTE +ID\nada +ports 3000, 8080 +in 23h/);
    expect(JSON.parse((await easel(['share', 'list', '--json'])).stdout)).toMatchObject([
      { name: 'shop', owner: { login: 'eve' }, myShare: { access: 'ports' } },
    ]);
    expect((await easel(['share', 'remove', 'shop', 'ada'])).stdout).toBe('shop is no longer shared with ada\n');
    expect((await easel(['share', 'list', 'shop', '--json'])).stdout).toBe('[]\n');
    expect((await easel(['share', 'remove', 'shop', 'ada'])).code).toBe(1);
  });

  it('says what SSH means, and takes a group, another time or none', async () => {
    api.add({ name: 'shop' });
    const words = ['share', 'add', 'shop', 'web', '--group', '--access', 'ssh', '--until-revoked', '--note', 'hi'];
    const { stderr, stdout } = await easel(words);
    expect(stdout).toBe('shop is shared with the group web: ssh, until you remove it\n');
    expect(stderr).toContain('They are you inside');
    expect(inputOf('shareEnvironment')).toMatchObject({ group: 'web', note: 'hi' });
    expect(inputOf('shareEnvironment')).not.toHaveProperty('expiresAt');
    for (const wrong of [
      ['--for', 'long'],
      ['--port', '80'],
      ['--port', '0'],
      ['--for', '1d', '--until-revoked'],
    ]) {
      expect((await easel(['share', 'add', 'shop', 'ada', '--access', 'view', ...wrong])).code).toBe(2);
    }
    expect((await easel(['share', 'add', 'shop', 'ada'])).code).toBe(2);
  });

  it('completes its words', async () => {
    api.add({ name: 'shop' });
    expect((await easel(['complete', '--', 'share', ''])).stdout).toBe('add\nlist\nremove\nhelp\n');
    expect((await easel(['complete', '--', 'share', 'list', 's'])).stdout).toBe('shop\n');
    expect((await easel(['complete', '--', 'share', 'add', 'shop', 'ada', '--access', ''])).stdout).toBe(
      'view\nports\nssh\n',
    );
  });
});

describe('sign-in', () => {
  const signedOut = { EASEL_URL: '', EASEL_TOKEN: '' };

  it('by a token file is kept for later, until sign-out', async () => {
    const signIn = await easel(['sign-in', api.url, '--token-file', '-'], { input: `${FAKE_TOKEN}\n`, env: signedOut });
    expect(signIn).toMatchObject({ code: 0, stdout: `Signed in at ${api.url} as ada\n` });
    expect((await easel(['whoami'], { env: signedOut })).stdout).toContain('ada (Ada) at');
    expect((await easel(['sign-out'], { env: signedOut })).code).toBe(0);
    expect((await easel(['whoami'], { env: signedOut })).code).toBe(1);
  });

  it('keeps no token that is not accepted', async () => {
    const { code } = await easel(['sign-in', api.url, '--token-file', '-'], {
      input: 'easel_pat_wrong',
      env: signedOut,
    });
    expect(code).toBe(1);
    expect(() => readFileSync(join(home, '.config/easel/profiles.json'))).toThrow();
  });

  it('by a browser takes the token that the page sends', async () => {
    const ran = begin(['sign-in', api.url, '--no-browser'], { env: signedOut });
    await eventually(ran.stderr).toContain('/settings/tokens/command?');
    const page = new URL(/http\S+command\?\S+/.exec(ran.stderr())?.[0] ?? '');
    await fetch(`http://127.0.0.1:${page.searchParams.get('port')}/`, {
      method: 'POST',
      body: new URLSearchParams({ state: page.searchParams.get('state') ?? '', token: FAKE_TOKEN }),
    });
    expect(await ran.code).toBe(0);
    expect(readFileSync(join(home, '.config/easel/profiles.json'), 'utf8')).toContain(FAKE_TOKEN);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) =>
    expect((await easel(['completion', shell])).stdout).toContain('easel complete --'),
  );

  it('offers commands, options and names', async () => {
    api.add({ name: 'shop' });
    api.add({ name: 'office' });
    const offered = async (...words: string[]) => (await easel(['complete', '--', ...words])).stdout.trim().split('\n');
    expect(await offered('st')).toEqual(['start', 'stop']);
    expect(await offered('ssh-key', '')).toEqual(['add', 'list', 'remove', 'help']);
    expect(await offered('show', 's')).toEqual(['shop']);
    expect(await offered('create', 'x', '--template', '')).toEqual(['sample']);
    expect(await offered('logs', 'shop', '--f')).toEqual(['--follow']);
    expect(await offered('list', '--phase', 'run')).toEqual(['running']);
    expect(await offered('show', 'shop', '')).toEqual(['']);
    expect(await offered('ssh', 'shop', '--', '')).toEqual(['']);
  });

  it('offers nothing when nobody is signed in', async () => {
    expect(await easel(['complete', '--', 'show', ''], { env: { EASEL_TOKEN: '' } })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});
