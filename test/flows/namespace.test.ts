/** Namespaces by the command: a team has templates of its own, and its members make environments from them. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['git', 'built web'], 'a namespace', () => {
  let stack: Stack;
  let file: string;
  /** A member of the group whose members are developers of `web`, and nothing else. */
  let env: { EASEL_TOKEN: string };

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    const repository = makeRepository(join(stack.scratchDir, 'repository'));
    file = JSON.stringify({ name: 'shop', repository: { url: repository } });
    const account = await stack.api.query<{ createServiceAccount: { id: string } }>(
      'mutation { createServiceAccount(input: { login: "robot", name: "Robot" }) { ... on User { id } } }',
    );
    const { createApiToken } = await stack.api.query<{ createApiToken: { token: string } }>(
      'mutation ($id: ID!) { createApiToken(input: { name: "a", owner: $id }) { ... on CreatedApiToken { token } } }',
      { id: account.createServiceAccount.id },
    );
    env = { EASEL_TOKEN: createApiToken.token };
  });
  afterAll(async () => {
    await stack?.stop();
  });

  it('is filled with templates, and its members make environments of them', async () => {
    expect((await stack.easel(['namespace', 'list'], { env })).stderr).toContain('you have a role in no namespace');
    await stack.easelJson(['namespace', 'create', 'team']);
    await stack.easelJson(['namespace', 'rename', 'team', 'web']);
    await stack.easelJson(['group', 'create', 'frontend', '--role', 'developer@web']);
    await stack.easelJson(['group', 'add', 'frontend', 'robot']);
    const made = await stack.easel(['template', 'create', '--namespace', 'web', '--file', '-'], { input: file });
    expect(made.stdout).toContain('easel create NAME --template web/shop');
    const namespaces = await stack.easelJson<{ name: string; templateCount: number }[]>(['namespace', 'list'], { env });
    expect(namespaces).toMatchObject([{ name: 'web', templateCount: 1 }]);
    const templates = await stack.easelJson<{ name: string }[]>(['template', 'list'], { env });
    expect(templates).toMatchObject([{ name: 'shop', namespace: { name: 'web' } }]);
    await stack.easelJson(['create', 'box', '--template', 'web/shop', '--wait'], { env });
    const foreign = await stack.easel(['create', 'other', '--template', 'sample', '--json'], { env });
    expect(JSON.parse(foreign.stderr)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is deleted once it is empty', async () => {
    const full = await stack.easel(['namespace', 'delete', 'web', '--json']);
    expect(JSON.parse(full.stderr)).toMatchObject({ code: 'WRONG_STATE' });
    await stack.easelJson(['delete', 'box', '--force', '--wait'], { env });
    await stack.easelJson(['template', 'delete', 'web/shop']);
    await stack.easelJson(['namespace', 'delete', 'web']);
    expect(await stack.easelJson(['namespace', 'list'], { env })).toEqual([]);
  });
});
