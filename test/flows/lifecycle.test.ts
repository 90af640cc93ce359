/** Flow (a): create → running, seen live; stop → start with the same files; delete without a trace. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type SshUser, sshUser } from '../kit/ssh.ts';
import { type EnvironmentJson, eventually, type Stack, startStack } from '../kit/stack.ts';

const CHANGED = `subscription ($id: ID!) { environmentChanged(id: $id) { phase version steps { name state } } }`;
const CREATE = `mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) {
  __typename ... on Environment { id name phase } ... on Refusal { code message } } }`;

describeWith(['git', 'openssh client', 'built web'], 'in the process runtime', () => lifecycle('process'));
describeWith(['git', 'openssh client', 'docker', 'built web'], 'in the docker runtime', () => lifecycle('docker'));

function lifecycle(runtime: 'process' | 'docker'): void {
  let stack: Stack;
  let repository: string;
  let user: SshUser | undefined;
  beforeAll(async () => {
    stack = await startStack({ runtime });
    repository = makeRepository(join(stack.scratchDir, 'repository'));
  });
  afterAll(async () => {
    await stack?.stop();
  });

  it('says which runtime it has', () => expect(stack.runtime).toBe(runtime));

  it('brings the sample up, with all steps in order, and tells each phase to a subscriber', async () => {
    const created = await stack.api.query<{ createEnvironment: { id: string } }>(CREATE, {
      input: { template: 'sample', name: 'first' },
    });
    const phases: string[] = [];
    const subscription = stack.api.subscribe<{ environmentChanged: { phase: string } }>(
      CHANGED,
      { id: created.createEnvironment.id },
      { onNext: ({ environmentChanged: { phase } }) => phases.at(-1) !== phase && phases.push(phase) },
    );
    await eventually(() => phases.includes('running') || phases.includes('failed'), 60_000, 'running');
    subscription.close();
    const shown = await stack.easelJson(['show', 'first']);
    expect(shown.failure).toBeNull();
    expect(phases.at(-1)).toBe('running');
    expect(phases.slice(-2)).toEqual(['starting', 'running']);
    expect(shown.steps.map((step) => step.name)).toEqual(['image', 'volume', 'sources', 'containers', 'hooks', 'ide']);
    expect(shown.steps.every((step) => step.state === 'done' || step.state === 'skipped')).toBe(true);
  });

  it('makes one environment of two presses with the same request key', async () => {
    const input = { gitUrl: repository, name: 'pressed-twice', requestKey: 'press-1' };
    const answers = await Promise.all(
      [1, 2].map(() => stack.api.query<{ createEnvironment: { id: string; __typename: string } }>(CREATE, { input })),
    );
    expect(answers[0]?.createEnvironment.__typename).toBe('Environment');
    expect(answers[1]?.createEnvironment.id).toBe(answers[0]?.createEnvironment.id);
  });

  it('keeps the files across a stop and a start', async () => {
    const made = await stack.easelJson(['create', 'kept', '--git', repository, '--branch', 'feature', '--wait']);
    expect(made.phase).toBe('running');
    await inside('kept', 'echo precious > note.txt && git status --porcelain');
    const dirty = await eventually(
      async () => {
        const { environment } = await stack.api.query<{
          environment: { git: { branch: string; uncommitted: number }[] };
        }>('query ($name: String) { environment(name: $name) { git { branch uncommitted } } }', { name: 'kept' });
        return environment.git.find((status) => status.uncommitted > 0);
      },
      40_000,
      'the git status',
    );
    expect(dirty.branch).toBe('feature');
    expect((await stack.easelJson(['stop', 'kept', '--wait'])).phase).toBe('stopped');
    expect((await stack.easelJson(['start', 'kept', '--wait'])).phase).toBe('running');
    expect(await inside('kept', 'cat note.txt')).toBe('precious\n');
  });

  it('refuses to delete unsaved work, says what would be lost, and obeys --force', async () => {
    const refused = await stack.easel(['delete', 'kept']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/uncommitted/);
    expect((await stack.easel(['delete', 'kept', '--force', '--wait'])).code).toBe(0);
  });

  it('shows the log live and after the end', async () => {
    const log = await stack.easel(['logs', 'first']);
    expect(log.stdout).toMatch(/clon/i);
    await stack.easelJson(['stop', 'first', '--wait']);
    expect((await stack.easel(['logs', 'first'])).stdout).toMatch(/clon/i);
  });

  it('deletes every trace', async () => {
    const all = await stack.easelJson<EnvironmentJson[]>(['list']);
    for (const { name } of all) expect((await stack.easel(['delete', name, '--force', '--wait'])).code, name).toBe(0);
    expect(await stack.easelJson<EnvironmentJson[]>(['list'])).toEqual([]);
    const volumes = join(stack.dataDir, 'local/volumes');
    await eventually(() => !existsSync(volumes) || readdirSync(volumes).length === 0, 20_000, 'no volume');
    expect(stack.processesOf('worker-agent/src/main.ts')).toEqual([]);
    if (runtime === 'docker') {
      const ids = new Set(all.map(({ id }) => id));
      const containers = execFileSync(
        'docker',
        ['ps', '-aq', '--filter', 'label=easel.environment', '--format', '{{.Label "easel.environment"}}'],
        { encoding: 'utf8' },
      );
      expect(containers.split('\n').filter((id) => ids.has(id))).toEqual([]);
    }
  });

  async function inside(name: string, script: string): Promise<string> {
    user ??= await sshUser(stack);
    const ran = await user.run(name, `cd "$EASEL_PROJECT" && ${script}`);
    expect(ran.code, ran.stderr).toBe(0);
    return ran.stdout;
  }
}

describeWith(['git', 'built web'], 'a second start', () => {
  it('has all data of the first', async () => {
    const dataDir = mkdtempSync('/tmp/easel-kept-');
    chmodSync(dataDir, 0o755);
    try {
      const first = await startStack({ runtime: 'process', dataDir });
      await first.easelJson(['create', 'survivor', '--template', 'sample', '--wait']);
      await first.stop();
      const second = await startStack({ runtime: 'process', dataDir });
      try {
        expect((await second.easelJson(['show', 'survivor'])).phase).toBe('stopped');
        expect((await second.easelJson(['start', 'survivor', '--wait'])).phase).toBe('running');
      } finally {
        await second.stop();
      }
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
