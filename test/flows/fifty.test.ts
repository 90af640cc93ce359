/** Fifty at once on a small machine: all started, used, deleted, and nothing left. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { sshUser } from '../kit/ssh.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

const COUNT = 50;
const CREATE = `mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) {
  __typename ... on Environment { id name } ... on Refusal { code message } } }`;
const DELETE = `mutation ($id: ID!) { deleteEnvironment(id: $id, force: true) { __typename ... on Refusal { message } } }`;
const PHASES = '{ environments(first: 100) { edges { node { id name phase failure { message } } } } }';
type Phases = {
  environments: { edges: { node: { id: string; name: string; phase: string; failure: { message: string } | null } }[] };
};

describeWith(['git', 'openssh client', 'built web'], `${COUNT} environments at once`, () => {
  it('start, let people in and go without a trace', { timeout: 600_000 }, async () => {
    const stack = await startStack({ runtime: 'process', env: { EASEL_MAX_ENVIRONMENTS_PER_USER: '100' } });
    try {
      const user = await sshUser(stack);
      const names = Array.from({ length: COUNT }, (_, i) => `many-${i}`);
      const made = await Promise.all(
        names.map((name) =>
          stack.api.query<{ createEnvironment: { __typename: string; id: string } }>(CREATE, {
            input: { name, template: 'sample' },
          }),
        ),
      );
      expect(made.map(({ createEnvironment }) => createEnvironment.__typename)).toEqual(names.map(() => 'Environment'));
      await eventually(
        async () => (await phases(stack)).every(({ phase }) => phase === 'running'),
        400_000,
        'all running',
      );
      for (let i = 0; i < COUNT; i += 5) {
        const used = await Promise.all(
          names.slice(i, i + 5).map((name) => user.run(name, 'echo $EASEL_ENVIRONMENT > mine; cat mine')),
        );
        expect(used.map(({ stdout }) => stdout.trim())).toEqual(names.slice(i, i + 5));
      }
      const ids = made.map(({ createEnvironment }) => createEnvironment.id);
      await Promise.all(ids.map((id) => stack.api.query(DELETE, { id })));
      await eventually(async () => (await phases(stack)).length === 0, 300_000, 'all deleted');
      await eventually(() => readdirSync(join(stack.dataDir, 'local/volumes')).length === 0, 30_000, 'no volume');
      expect(stack.processesOf('worker-agent/src/main.ts')).toEqual([]);
      const workers = join(stack.dataDir, 'local/workers');
      expect(existsSync(workers) ? readdirSync(workers) : []).toEqual([]);
    } finally {
      await stack.stop();
    }
  });
});

async function phases(stack: Stack) {
  const { environments } = await stack.api.query<Phases>(PHASES);
  const nodes = environments.edges.map(({ node }) => node);
  const failed = nodes.find(({ phase }) => phase === 'failed');
  if (failed) throw new Error(`${failed.name} failed: ${failed.failure?.message}`);
  return nodes;
}
