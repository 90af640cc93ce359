/** The product on a cluster, as its chart installs it and people use it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubectl } from '../kit/cluster.ts';
import { clusterNeeds, setUpLimitMs } from '../kit/cluster-stack.ts';
import { type Surroundings, startSurroundings } from '../kit/cluster-surroundings.ts';
import { root } from '../kit/command.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Installation, install } from '../kit/installation.ts';
import { type EnvironmentJson, eventually, type Ran, runProgram } from '../kit/stack.ts';

const upgradeLimitMs = 400_000;

describeWith([...clusterNeeds, 'node of the cluster'], 'an installation by Helm', () => {
  let easel: Installation;
  let surroundings: Surroundings;
  let folder: string;
  let token: string;
  let api: ApiClient;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'easel-install-'));
    easel = await install();
    surroundings = await startSurroundings(easel.host);
  }, setUpLimitMs);
  afterAll(async () => {
    api?.close();
    await easel?.stop();
    await surroundings?.stop();
    if (folder) rmSync(folder, { recursive: true });
  });

  const command = (...words: string[]): Promise<Ran> =>
    runProgram(join(root, 'node_modules/.bin/easel'), words, {
      env: { EASEL_URL: easel.url, EASEL_TOKEN: token, XDG_CONFIG_HOME: folder },
    });

  async function done(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await command(...words);
    expect(code, `easel ${words.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  }

  const ssh = (script: string): Promise<Ran> => {
    const known = ['UserKnownHostsFile=/dev/null', 'StrictHostKeyChecking=no', 'BatchMode=yes', 'LogLevel=ERROR'];
    const options = known.flatMap((option) => ['-o', option]);
    const where = ['-p', String(easel.sshPort), `first@${easel.host}`];
    return runProgram('ssh', ['-F', 'none', '-i', join(folder, 'key'), ...options, ...where, script]);
  };

  it('lets the first administrator in by the link of its notes', async () => {
    const link = new URL(await easel.signInLink());
    expect(link.origin).toBe(easel.url);
    const headers = { 'content-type': 'application/json', origin: easel.url };
    const body = JSON.stringify({ code: link.searchParams.get('code') });
    const signedIn = await fetch(`${easel.url}/auth/sign-in`, { method: 'POST', headers, body });
    expect(signedIn.status).toBe(204);
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const query = `mutation { createApiToken(input: { name: "test" }) { ... on CreatedApiToken { token } } }`;
    const answer = await fetch(`${easel.url}/graphql`, {
      method: 'POST',
      headers: { ...headers, cookie },
      body: JSON.stringify({ query }),
    });
    token = ((await answer.json()) as { data: { createApiToken: { token: string } } }).data.createApiToken.token;
    api = createApiClient({ url: easel.url, token: () => token });
    expect((await fetch(easel.url, { headers: { cookie } })).headers.get('content-type')).toContain('text/html');
  });

  it('has a platform that lacks no rights', async () => {
    const platforms = await eventually(
      async () => {
        const found = JSON.parse(await done('platform', 'list', '--json'));
        return found[0]?.isOnline ? found : null;
      },
      60_000,
      'the platform',
    );
    expect(platforms).toEqual([expect.objectContaining({ kind: 'kubernetes', problems: [] })]);
  });

  it('runs an environment that people get into', async () => {
    const { platforms } = await api.query<{ platforms: { id: string }[] }>('{ platforms { id } }');
    const change = (document: string, variables: Record<string, unknown>) => api.query(document, variables);
    await change(
      'mutation ($id: ID!, $settings: JSON!) { updatePlatformSettings(id: $id, settings: $settings) { __typename } }',
      { id: platforms[0]?.id, settings: surroundings.settings },
    );
    await kubectl(
      ['--namespace', easel.environmentsNamespace, 'apply', '--filename', '-'],
      JSON.stringify(surroundings.pullSecret),
    );
    await change('mutation ($input: InstanceTypeInput!) { createInstanceType(input: $input) { __typename } }', {
      input: { name: 'tiny', cpus: 0.1, memoryBytes: 512 * 1024 ** 2 },
    });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    await done('ssh-key', 'add', join(folder, 'key.pub'));
    const what = ['--git', surroundings.gitUrl, '--image', surroundings.image, '--instance-type', 'tiny'];
    await done('create', 'first', ...what, '--wait', '--timeout', '300');
    const ran = await ssh('cd "$EASEL_PROJECT" && echo kept > note.txt && cat note.txt');
    expect(ran.stdout, ran.stderr).toBe('kept\n');
  });

  it(
    'is upgraded and rolled back while the environment runs on',
    async () => {
      const before = JSON.parse(await done('show', 'first', '--json')) as EnvironmentJson & { generation: number };
      for (const change of [() => easel.upgrade({ logLevel: 'debug' }), () => easel.rollback()]) {
        await change();
        await eventually(
          async () => {
            const now = JSON.parse((await command('show', 'first', '--json')).stdout) as EnvironmentJson;
            return now.phase === 'running' && now.connectivity === 'online';
          },
          90_000,
          'the environment',
        );
        const through = await eventually(async () => {
          const ran = await ssh('cat "$EASEL_PROJECT/note.txt"');
          return ran.code === 0 ? ran : null;
        }, 60_000);
        expect(through.stdout).toBe('kept\n');
      }
      const after = JSON.parse(await done('show', 'first', '--json')) as { generation: number };
      expect(after.generation).toBe(before.generation);
    },
    upgradeLimitMs,
  );

  it(
    'stops, starts and deletes it, and leaves nothing of it',
    async () => {
      await done('stop', 'first', '--wait');
      await done('start', 'first', '--wait', '--timeout', '200');
      expect((await ssh('cat "$EASEL_PROJECT/note.txt"')).stdout).toBe('kept\n');
      await done('delete', 'first', '--force', '--wait');
      const kinds = 'pods,secrets,persistentvolumeclaims';
      const left = ['get', kinds, '--selector', 'app.kubernetes.io/managed-by=easel', '--output', 'name'];
      expect(await kubectl(['--namespace', easel.environmentsNamespace, ...left])).toBe('');
    },
    upgradeLimitMs,
  );

  it('keeps people’s disks when it is uninstalled', async () => {
    await easel.uninstall();
    const pods = ['get', 'pods', '--output', 'name'];
    await eventually(async () => (await kubectl(['--namespace', easel.namespace, ...pods])) === '', 60_000, 'no pods');
    expect(await kubectl(['get', 'namespace', easel.environmentsNamespace, '--output', 'name'])).toContain(
      'namespace/',
    );
  });
});
