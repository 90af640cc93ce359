/** The audit log while the server is killed in mid-work: nothing that was done lacks an entry, and the chain holds. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

const CREATE = `mutation ($name: String!) { createInstanceType(input: { name: $name, cpus: 1 }) {
  ... on InstanceType { id } } }`;
const VERIFY = '{ verifyAudit { isIntact entries problem } }';
const ENTRIES = `query ($after: String) { auditEntries(first: 100, after: $after, filter: { action: "createInstanceType" }) {
  edges { node { thingName outcome isSealed } } pageInfo { hasNextPage endCursor } } }`;

interface Page {
  auditEntries: {
    edges: { node: { thingName: string; outcome: string; isSealed: boolean } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}

describeWith(['built web'], 'the audit log', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
  });
  afterAll(async () => {
    await stack?.stop();
  });

  async function entries() {
    const found: Page['auditEntries']['edges'] = [];
    for (let after: string | null = null; ; ) {
      const { auditEntries: page }: Page = await stack.api.query<Page>(ENTRIES, { after });
      found.push(...page.edges);
      if (!page.pageInfo.hasNextPage) return found.map(({ node }) => node);
      after = page.pageInfo.endCursor;
    }
  }

  it('lacks nothing that was done, and its chain holds, after kill -9 in the middle of work', async () => {
    let count = 0;
    for (let round = 0; round < 3; round++) {
      const works = Array.from({ length: 20 }, () =>
        stack.api.query(CREATE, { name: `type-${count++}` }).catch(() => undefined),
      );
      await Promise.race(works);
      for (const { identity } of stack.processesOf('server/src/main.ts')) process.kill(identity.pid, 'SIGKILL');
      await Promise.all(works);
      await eventually(() => stack.api.query(VERIFY).then(() => true), 60_000, 'the server');
    }
    const { instanceTypes } = await stack.api.query<{ instanceTypes: { name: string }[] }>(
      '{ instanceTypes { name } }',
    );
    const made = instanceTypes.map(({ name }) => name).filter((name) => name.startsWith('type-'));
    expect(made.length).toBeGreaterThan(0);
    const known = new Map((await entries()).map(({ thingName, outcome }) => [thingName, outcome]));
    const outcomes = made.map((name) => known.get(name));
    expect(outcomes.filter((outcome) => outcome !== 'done' && outcome !== 'begun')).toEqual([]);
    await eventually(
      async () => (await entries()).every(({ isSealed, outcome }) => isSealed || outcome === 'begun'),
      60_000,
      'the seal',
    );
    const { verifyAudit } = await stack.api.query<{ verifyAudit: { isIntact: boolean; problem: string | null } }>(
      VERIFY,
    );
    expect(verifyAudit).toMatchObject({ isIntact: true, problem: null });
  });
});
