import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { readRights } from '../rights/grants.ts';

let server: TestServer;
/** A developer of the namespace `team`, and of no other. */
let member: Awaited<ReturnType<TestServer['newUser']>>;
/** A developer of the default namespace. */
let other: Awaited<ReturnType<TestServer['newUser']>>;
let team: { id: string; name: string };

beforeAll(async () => {
  server = await openServer(suiteDatabase());
  other = await server.newUser();
  team = await namespaces().create(server.administrator, newName());
  member = await newMember('developer', team.id);
});
afterAll(() => server.close());

const newName = () => `n-${newId('event').slice(-10)}`;
const namespaces = () => server.app.services.namespaces;
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (err: { code: string }) => err.code,
  );
const give = (userId: string, namespace: string, role: 'developer' | 'administrator' = 'developer') =>
  server.app.services.userAdmin.setRoles(server.administrator, userId, { role, namespace });
/** Somebody with this role in these namespaces, and none elsewhere. */
async function newMember(role: 'developer' | 'administrator', ...ids: string[]) {
  const user = await server.newUser({ role: null });
  for (const id of ids) await give(user.userId, id, role);
  return { ...user, rights: await readRights(server.db, user.userId) };
}
const newTemplate = (name: string, namespace: string) => {
  const repository = { url: 'https://git.example.com/a.git' };
  return server.app.services.templates.create(server.administrator, { name, repository }, namespace);
};
const newEnvironment = (actor: typeof member, input: object) =>
  server.app.services.environments.create(actor, { name: newName(), ...input });
const seenBy = async ({ headers }: typeof member) =>
  (
    await server.ask(
      '{ namespaces { name isDefault mayEditTemplates } templates(first: 100) { edges { node { name } } } }',
      {},
      headers,
    )
  ).data;

describe('a namespace', () => {
  it('is seen, with what is in it, by whoever has a role there', async () => {
    const name = newName();
    await newTemplate(name, team.name);
    const own = await seenBy(member);
    expect(own.namespaces).toEqual([{ name: team.name, isDefault: false, mayEditTemplates: false }]);
    expect(own.templates.edges).toEqual([{ node: { name } }]);
    const others = await seenBy(other);
    expect(others.namespaces).toMatchObject([{ name: 'default', isDefault: true }]);
    expect(JSON.stringify(others.templates)).not.toContain(name);
  });

  it('has environments of those who may make some in it', async () => {
    const template = await newTemplate(newName(), team.id);
    const made = await newEnvironment(member, { template: template.name });
    expect(made.namespaceId).toBe(team.id);
    expect((await newEnvironment(member, { gitUrl: 'https://h/a' })).namespaceId).toBe(team.id);
    expect(await code(newEnvironment(other, { template: template.name }))).toBe('NOT_FOUND');
    expect(await code(newEnvironment(other, { template: template.id }))).toBe('NOT_FOUND');
    expect(await code(newEnvironment(other, { gitUrl: 'https://h/a', namespace: team.name }))).toBe('NOT_FOUND');
    expect(await code(newEnvironment(member, { template: 'sample' }))).toBe('NOT_FOUND');
  });

  it('gives its administrator its templates and environments, and no others', async () => {
    const [own, foreign] = [newName(), newName()];
    const { id } = await namespaces().create(server.administrator, own);
    await namespaces().create(server.administrator, foreign);
    const chief = await newMember('administrator', id);
    const { templates } = server.app.services;
    const spec = { name: newName(), repository: { url: 'https://h/a' } };
    const made = await templates.create(chief, spec);
    expect(made.namespaceId).toBe(id);
    expect(await code(templates.create(chief, spec, foreign))).toBe('NOT_FOUND');
    const elsewhere = await newTemplate(newName(), foreign);
    expect(await code(templates.update(chief, elsewhere.id, spec))).toBe('NOT_FOUND');
    expect(await code(templates.delete(other, made.id))).toBe('NOT_FOUND');
    expect(await code(templates.delete(chief, made.id))).toBe('done');
  });

  it('is made, renamed and deleted by administrators, once it is empty', async () => {
    const name = newName();
    const { id } = await namespaces().create(server.administrator, name);
    expect(await code(namespaces().create(member, newName()))).toBe('FORBIDDEN');
    expect(await code(namespaces().create(server.administrator, name))).toBe('NAME_TAKEN');
    expect(await code(namespaces().create(server.administrator, 'No Name'))).toBe('INVALID_INPUT');
    const renamed = await namespaces().rename(server.administrator, id, newName());
    const template = await newTemplate(newName(), renamed.name);
    await give(member.userId, id);
    expect(await code(namespaces().delete(server.administrator, id))).toBe('WRONG_STATE');
    await server.app.services.templates.delete(server.administrator, template.id);
    await namespaces().delete(server.administrator, id);
    expect(await server.db.member.count({ where: { namespaceId: id } })).toBe(0);
    expect((await seenBy(member)).namespaces).toMatchObject([{ name: team.name }]);
    expect((await namespaces().create(server.administrator, renamed.name)).id).not.toBe(id);
    expect(await code(give(member.userId, id))).toBe('NOT_FOUND');
  });

  it('is the default one where nobody names another, and that one stays', async () => {
    const id = await namespaces().defaultId();
    expect(await code(namespaces().rename(server.administrator, id, newName()))).toBe('WRONG_STATE');
    expect(await code(namespaces().delete(server.administrator, id))).toBe('WRONG_STATE');
    expect((await newEnvironment(other, { template: 'sample' })).namespaceId).toBe(id);
  });
});

describe('a template’s name', () => {
  it('may be in several namespaces, and is then said with its namespace', async () => {
    const { id } = await namespaces().create(server.administrator, newName());
    const both = await newMember('developer', team.id, id);
    const name = newName();
    for (const namespace of [team.id, id]) await newTemplate(name, namespace);
    expect(await code(newEnvironment(both, { template: name }))).toBe('INVALID_INPUT');
    expect((await newEnvironment(both, { template: `${team.name}/${name}` })).namespaceId).toBe(team.id);
    expect((await newEnvironment(both, { template: name, namespace: id })).namespaceId).toBe(id);
    const wrong = await server.app.services.templates.find(both, `${team.name}/${name}`);
    expect(await code(newEnvironment(both, { template: wrong?.id, namespace: id }))).toBe('INVALID_INPUT');
    expect(await code(newEnvironment(both, { gitUrl: 'https://h/a' }))).toBe('INVALID_INPUT');
  });
});

it('roles and invitations name the namespace that they are meant for', async () => {
  const { services } = server.app;
  const { invitation, code: secret } = await services.invitations.create(server.administrator, {
    name: 'Ada',
    role: 'viewer',
    namespace: team.name,
  });
  expect(invitation.namespaceId).toBe(team.id);
  const joined = { login: `u${newId('event').slice(-10)}`, name: 'Ada', password: 'nanoseconds of wire' };
  const userId = await services.invitations.join(secret, joined, { address: '', userAgent: null });
  const asked = `query ($id: ID!, $team: ID!) { node(id: $id) { ... on User {
    here: role(namespace: $team) elsewhere: role roles { role namespace { name } } } } }`;
  const { node } = (await server.ask(asked, { id: userId, team: team.id })).data;
  expect(node).toEqual({
    here: 'viewer',
    elsewhere: null,
    roles: [{ role: 'viewer', namespace: { name: team.name } }],
  });
});
