import { describe, expect, it } from 'vitest';
import { branchSchema, nameSchema } from './names.ts';

describe('a name', () => {
  it.each(['a', 'web-shop-2', 'x'.repeat(40)])('may be %s', (name) => {
    expect(nameSchema.safeParse(name).success).toBe(true);
  });

  it.each([
    '',
    '-a',
    'a-',
    '1a',
    'A',
    'a_b',
    'a b',
    'a.b',
    'x'.repeat(41),
    'ä',
    'a\n',
    'a;rm',
    '$(a)',
    '../a',
    'a\u0000',
    'а', // Cyrillic
    '--help',
  ])('is not %j', (name) => {
    expect(nameSchema.safeParse(name).success).toBe(false);
  });
});

describe('a branch', () => {
  it.each(['main', 'feature/a-b', 'v1.2.3', 'fix#12', 'user@host'])('may be %s', (branch) => {
    expect(branchSchema.safeParse(branch).success).toBe(true);
  });

  it.each([
    '',
    '-b',
    '--upload-pack=x',
    '/a',
    '.a',
    'a..b',
    'a@{1}',
    'a//b',
    'a.lock',
    'a/',
    'a.',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\b',
    'a\n',
    'x'.repeat(201),
  ])('is not %j', (branch) => {
    expect(branchSchema.safeParse(branch).success).toBe(false);
  });
});
