import { newId } from '@easel/schema/ids';
import { nameSchema } from '@easel/schema/names';
import { templateSpecSchema } from '@easel/schema/template';
import { describe, expect, it } from 'vitest';
import type { TemplateRow } from '../template/template-row.ts';
import { chooseSpec, createEnvironmentSchema, randomName, type SourceOfSnapshot, type Templates } from './spec.ts';

function templatesOf(...names: string[]): Templates {
  const rows = names.map(
    (name) =>
      ({
        ...templateSpecSchema.parse({ name, repository: { url: 'https://h/a' }, image: 'debian:12' }),
        id: `tpl-${name}`,
        repositoryUrl: 'https://h/a',
        branch: 'main',
      }) as unknown as TemplateRow,
  );
  return {
    find: async (wanted) => rows.find(({ id, name }) => wanted === id || wanted === name) ?? null,
    list: async (limit) => rows.slice(0, limit),
  };
}

const choose = (input: object, templates: Templates) => chooseSpec(createEnvironmentSchema.parse(input), templates);

describe('what an environment is made from', () => {
  it('is the template that is named, with the image that is asked for', async () => {
    const { spec, templateId } = await choose({ template: 'b', image: 'alpine:3' }, templatesOf('a', 'b'));
    expect(templateId).toBe((await templatesOf('a', 'b').find('b'))?.id);
    expect(spec).toMatchObject({ name: 'b', image: 'alpine:3', repository: { url: 'https://h/a', branch: 'main' } });
    expect((await choose({ template: 'b' }, templatesOf('a', 'b'))).spec.image).toBe('debian:12');
  });

  it('is the only template where nothing is named', async () => {
    expect((await choose({}, templatesOf('a'))).spec.name).toBe('a');
  });

  it('must be named where there are several, and the refusal names them', async () => {
    await expect(choose({}, templatesOf('a', 'b'))).rejects.toThrow('choose one of a, b');
    await expect(choose({}, templatesOf())).rejects.toThrow('there is no template yet');
  });
});

describe('what is made from a snapshot', () => {
  const spec = {
    ...templateSpecSchema.parse({ name: 'shop', repository: { url: 'https://h/shop' } }),
    image: 'alpine:3',
  };
  const source: SourceOfSnapshot = { spec, templateId: null, namespaceId: newId('namespace') };
  const restore = (input: object) => chooseSpec(createEnvironmentSchema.parse(input), templatesOf('a', 'b'), source);

  it('is as its environment was, with the image that is asked for', async () => {
    expect(await restore({})).toEqual(source);
    expect((await restore({ image: 'debian:12' })).spec).toEqual({ ...spec, image: 'debian:12' });
  });

  it('is as the template says that is named', async () => {
    expect((await restore({ template: 'b' })).spec.name).toBe('b');
  });

  it('has its sources already', async () => {
    await expect(restore({ gitUrl: 'https://h/other' })).rejects.toThrow('has its sources already');
  });
});

describe('a name that is made', () => {
  it.each([
    ['https://h/team/Web_Shop.git', 'web-shop'],
    ['git@h:a.git', 'a'],
    ['file:///srv/git/repo/', 'repo'],
    ['https://h/', 'h'],
    ['https://h/123', 'environment'],
    [`https://h/${'long-'.repeat(20)}`, 'long-long-long-long-long-long-lon'],
  ])('of %s begins with %s', async (gitUrl, stem) => {
    const { spec } = await choose({ gitUrl }, templatesOf());
    expect(spec.name).toBe(stem);
    const name = randomName(spec);
    expect(name.startsWith(`${stem}-`)).toBe(true);
    expect(nameSchema.safeParse(name).success).toBe(true);
  });
});
