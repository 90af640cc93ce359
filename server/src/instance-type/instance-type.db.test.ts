import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

const GIB = 1024 ** 3;
let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
afterEach(async () => {
  await server.db.instanceType.deleteMany({ where: { name: { notIn: ['small', 'medium', 'large'] } } });
});
afterAll(() => server.close());

const types = () => server.app.services.instanceTypes;
const names = async () => (await types().list()).map(({ name }) => name);

describe('the first instance types', () => {
  it('are there at once, the smallest first', async () => {
    expect(await names()).toEqual(['small', 'medium', 'large']);
    const [small] = await types().list();
    expect(small?.spec).toMatchObject({ cpus: 2, memoryBytes: 4 * GIB, diskBytes: 20 * GIB, gpus: 0 });
  });

  it('are made once, and do not come back', async () => {
    await Promise.all([types().ensureFirst(), types().ensureFirst()]);
    const [small] = await types().list();
    await types().delete(server.administrator, small?.id ?? '');
    await types().ensureFirst();
    expect(await names()).toEqual(['medium', 'large']);
    await server.db.instanceType.updateMany({ data: { deletedAt: null } });
  });
});

describe('an instance type', () => {
  it('is made, changed and deleted, and its name is free again', async () => {
    const made = await types().create(server.administrator, { name: 'gpu', cpus: 1, gpus: 1, zone: 'eu-west-1a' });
    expect(made.spec).toMatchObject({
      gpus: 1,
      gpuResource: 'nvidia.com/gpu',
      diskBytes: 20 * GIB,
      zone: 'eu-west-1a',
    });
    expect(await names()).toEqual(['small', 'medium', 'large', 'gpu']);
    const changed = await types().update(server.administrator, made.id, { name: 'gpu', cpus: 0.5, gpus: 2 });
    expect(changed.spec).toMatchObject({ cpus: 0.5, gpus: 2, zone: null });
    await expect(types().create(server.administrator, { name: 'gpu' })).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await types().delete(server.administrator, made.id);
    await types().create(server.administrator, { name: 'gpu' });
    await expect(types().update(server.administrator, made.id, { name: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it.each([
    [{ name: 'Big!' }, 'name'],
    [{ name: 'a', cpus: 0 }, 'cpus'],
    [{ name: 'a', memoryBytes: 1 }, 'memoryBytes'],
    [{ name: 'a', diskBytes: 0.5 * GIB }, 'diskBytes'],
    [{ name: 'a', nodeSelector: { 'a b': 'c' } }, 'nodeSelector.a b'],
    [{ name: 'a', storageClass: '../x' }, 'storageClass'],
    [{ name: 'a', gpuResource: 'gpu' }, 'gpuResource'],
  ])('is refused as %j', async (input, path) => {
    const err = await types()
      .create(server.administrator, input)
      .catch((err) => err);
    expect(err).toMatchObject({ code: 'INVALID_INPUT', details: { fields: [{ path }] } });
  });

  it('is changed by administrators alone, and read by everybody who is signed in', async () => {
    const user = await server.newUser();
    const [small] = await types().list();
    const id = small?.id ?? '';
    const refused = { code: 'FORBIDDEN' };
    await expect(types().create(user, { name: 'mine' })).rejects.toMatchObject(refused);
    await expect(types().update(user, id, { name: 'mine' })).rejects.toMatchObject(refused);
    await expect(types().delete(user, id)).rejects.toMatchObject(refused);
    const document = '{ instanceTypes { id name cpus memoryBytes diskBytes gpus nodeSelector environmentCount } }';
    expect((await server.ask(document, {}, user.headers)).data.instanceTypes[0]).toMatchObject({
      name: 'small',
      cpus: 2,
      memoryBytes: 4 * GIB,
      environmentCount: 0,
    });
    expect((await server.ask(document, {}, {})).errors[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    const node = await server.ask('query ($id: ID!) { node(id: $id) { __typename id } }', { id }, user.headers);
    expect(node.data.node).toEqual({ __typename: 'InstanceType', id });
  });
});

describe('a template', () => {
  const create = (instanceTypes: string[]) =>
    server.app.services.templates.create(server.administrator, {
      name: `t-${Math.random().toString(36).slice(2)}`,
      repository: { url: 'https://h/a' },
      instanceTypes,
    });

  it('offers all of them, or those that it names, the first by default', async () => {
    const cluster = await server.newCluster();
    const owner = await server.newUser();
    const make = async (template: string, instanceType?: string) => {
      const wish = { template, platform: cluster.name, ...(instanceType ? { instanceType } : {}) };
      return (await server.app.services.environments.create(owner, wish)).instanceType?.name;
    };
    const [all, some] = [await create([]), await create(['large', 'medium'])];
    expect(await make(all.name)).toBe('small');
    expect(await make(all.name, 'medium')).toBe('medium');
    expect(await make(some.name)).toBe('large');
    expect(await make(some.name, 'medium')).toBe('medium');
    await expect(make(some.name, 'small')).rejects.toThrow('choose one of large, medium');
    await expect(make(all.name, 'huge')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('names only types that there are, but keeps one that is deleted later', async () => {
    await expect(create(['small', 'huge', 'vast'])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/no instance type is named huge, vast: choose from .*small/),
    });
    const type = await types().create(server.administrator, { name: 'short-lived', cpus: 1 });
    const template = await create(['short-lived']);
    await types().delete(server.administrator, type.id);
    const owner = await server.newUser();
    const cluster = await server.newCluster();
    await expect(
      server.app.services.environments.create(owner, { template: template.name, platform: cluster.name }),
    ).rejects.toThrow('offers only short-lived, of which there is none');
    const { name } = template;
    const change = (instanceTypes: string[]) =>
      server.app.services.templates.update(server.administrator, template.id, {
        name,
        repository: { url: 'https://h/b' },
        instanceTypes,
      });
    expect((await change(['short-lived', 'small'])).repositoryUrl).toBe('https://h/b');
    await expect(change(['huge'])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
