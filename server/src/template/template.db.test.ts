import type { TemplateSpecInput } from '@easel/schema/template';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { inTransaction } from '../db.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { namespaceStore } from '../namespace/namespace.store.ts';
import { ADMINISTRATOR } from '../rights/rights.kit.ts';

let server: TestServer;
let administrator: UserActor;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
  administrator = { ...(await server.newUser()), rights: ADMINISTRATOR };
});
afterAll(() => server.close());

const templates = () => server.app.services.templates;
let count = 0;
const spec = (fields: Partial<TemplateSpecInput> = {}): TemplateSpecInput => ({
  name: `t-${++count}`,
  repository: { url: 'https://git.example.com/a.git' },
  ...fields,
});

it('many who are the first to need a namespace get the same one', async () => {
  const ensure = () => inTransaction(server.db, (tx) => namespaceStore.ensure(tx, 'needed-at-once'));
  const ids = await Promise.all(Array.from({ length: 10 }, ensure));
  expect(new Set(ids).size).toBe(1);
});

describe('a template', () => {
  it('is found by id and by name', async () => {
    const made = await templates().create(administrator, spec());
    expect(await templates().find(administrator, made.id)).toEqual(made);
    expect(await templates().find(administrator, made.name)).toEqual(made);
  });

  it('is changed by administrators alone', async () => {
    const user = await server.newUser();
    const made = await templates().create(administrator, spec());
    for (const attempt of [
      () => templates().create(user, spec()),
      () => templates().update(user, made.id, spec()),
      () => templates().delete(user, made.id),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('has a name of its own among those that are not deleted', async () => {
    const made = await templates().create(administrator, spec());
    await expect(templates().create(administrator, spec({ name: made.name }))).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    const other = await templates().create(administrator, spec());
    await expect(templates().update(administrator, other.id, spec({ name: made.name }))).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    await templates().delete(administrator, made.id);
    expect(await templates().find(administrator, made.name)).toBeNull();
    await templates().create(administrator, spec({ name: made.name }));
  });

  it('that changes leaves the environments that were made from it as they were', async () => {
    const made = await templates().create(administrator, spec({ image: 'debian:12' }));
    const environment = await server.app.services.environments.create(administrator, { template: made.id });
    await templates().update(administrator, made.id, spec({ name: made.name, image: 'alpine:3' }));
    await templates().delete(administrator, made.id);
    const row = await server.db.environment.findUniqueOrThrow({ where: { id: environment.id } });
    expect(row.spec).toMatchObject({ image: 'debian:12' });
    expect(await templates().environmentCounts([made.id])).toEqual(new Map([[made.id, 1]]));
  });

  it('is not changed by two at once: one of them is told', async () => {
    const made = await templates().create(administrator, spec());
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((description) =>
        templates().update(administrator, made.id, spec({ name: made.name, description })),
      ),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(refused.every((code) => code === 'WRONG_STATE')).toBe(true);
    expect((await templates().find(administrator, made.id))?.version).toBe(1 + 4 - refused.length);
  });

  it('comes through the API with all its parts', async () => {
    const input = {
      name: 'whole',
      repository: { url: 'git@host:a.git', branch: 'dev' },
      env: { A: '1' },
      scripts: { init: { run: 'make' }, start: null },
      sidecars: [{ name: 'db', image: 'postgres:18', env: { P: 'x' }, command: ['postgres'] }],
      idePort: 5990,
    };
    const { data, errors } = await server.ask(
      `mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { ... on Refusal { message }
        ... on Template { name repositoryUrl branch env scripts sidecars idePort inactivityMinutes environmentCount } } }`,
      { input },
    );
    expect(errors).toEqual([]);
    expect(data.createTemplate).toEqual({
      name: 'whole',
      repositoryUrl: 'git@host:a.git',
      branch: 'dev',
      env: { A: '1' },
      scripts: { init: { run: 'make', timeoutSeconds: 600 } },
      sidecars: input.sidecars,
      idePort: 5990,
      inactivityMinutes: 30,
      environmentCount: 0,
    });
  });
});

describe('the sample', () => {
  const sample = { name: 'sample', repository: { url: 'file:///new/place' } };

  it('follows its repository to another place, and is made only once', async () => {
    await templates().ensureSample(sample);
    expect((await templates().find(administrator, 'sample'))?.repositoryUrl).toBe('file:///new/place');
  });

  it('does not come back after it was deleted', async () => {
    const made = await templates().find(administrator, 'sample');
    await templates().delete(administrator, made?.id ?? '');
    await templates().ensureSample(sample);
    expect(await templates().find(administrator, 'sample')).toBeNull();
  });
});
