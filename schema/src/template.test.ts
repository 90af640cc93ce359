import { describe, expect, it } from 'vitest';
import { gitUrlSchema, imageSchema, templateSpecSchema } from './template.ts';

describe('a Git URL', () => {
  it.each([
    'https://git.example.com/team/project.git',
    'http://127.0.0.1:3000/a',
    'ssh://git@host:2222/a.git',
    'git@host:team/a.git',
    'file:///srv/git/a.git',
    'http://[::1]:3000/a',
  ])('may be %s', (url) => {
    expect(gitUrlSchema.safeParse(url).success).toBe(true);
  });

  it.each([
    '',
    '/srv/git',
    'file://host/a',
    'ext::sh -c id',
    'fd::17',
    '-u./payload',
    '--upload-pack=id',
    'https://a b/c',
    'https://a/\nb',
    'git://host/a',
    'ftp://host/a',
    'javascript:alert(1)',
    'a:b',
    '-oProxyCommand=id@host:a',
    'git@-oProxyCommand=id:a',
    'ssh://-oProxyCommand=id/a',
    'ssh://git@-oProxyCommand=id/a',
    'git@-host:a',
    '-git@host:a',
    'https:///a',
    `https://a/${'x'.repeat(2000)}`,
  ])('is not %j', (url) => {
    expect(gitUrlSchema.safeParse(url).success).toBe(false);
  });
});

describe('an image', () => {
  it.each(['debian:12', 'registry.example.com:5000/team/image:tag', 'a@sha256:0123456789abcdef', 'a'])(
    'may be %s',
    (image) => {
      expect(imageSchema.safeParse(image).success).toBe(true);
    },
  );

  it.each(['', '-v', '--privileged', 'Debian', 'a b', 'a;b', '$(a)', 'a\n', 'a:'])('is not %j', (image) => {
    expect(imageSchema.safeParse(image).success).toBe(false);
  });
});

describe('a template', () => {
  const repository = { url: 'https://git.example.com/a.git' };

  it('fills in what is left out', () => {
    expect(templateSpecSchema.parse({ name: 'a', repository })).toEqual({
      name: 'a',
      description: '',
      repository: { url: repository.url, branch: null },
      projectRoot: '',
      image: null,
      env: {},
      scripts: {},
      sidecars: [],
      idePort: null,
      inactivityMinutes: 30,
      instanceTypes: [],
    });
  });

  it('can be read again from what was read', () => {
    const once = templateSpecSchema.parse({
      name: 'a',
      repository,
      scripts: { init: { run: 'make' } },
      sidecars: [{ name: 'db', image: 'postgres:18' }],
    });
    expect(templateSpecSchema.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
    expect(once.scripts.init?.timeoutSeconds).toBe(600);
  });

  it.each([
    ['an unknown key', { colour: 'red' }],
    ['a root outside of the clone', { projectRoot: '../etc' }],
    ['an absolute root', { projectRoot: '/etc' }],
    ['a variable that is none', { env: { 'A-B': '1' } }],
    ['a variable that smuggles another', { env: { 'A=1\nB': '2' } }],
    ['a value that is no text', { env: { A: 1 } }],
    ['a script without an end', { scripts: { init: { run: 'a', timeoutSeconds: 0 } } }],
    ['a port that is none', { idePort: 65_536 }],
    ['eleven sidecars', { sidecars: Array.from({ length: 11 }, (_, i) => ({ name: `s${i}`, image: 'a' })) }],
  ])('refuses %s', (_what, fields) => {
    expect(templateSpecSchema.safeParse({ name: 'a', repository, ...fields }).success).toBe(false);
  });
});
