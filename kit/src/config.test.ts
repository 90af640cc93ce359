import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, readConfig, Secret, secret } from './config.ts';

const schema = z.object({
  EASEL_PORT: z.coerce.number().int().min(1).max(65_535).default(8_080),
  EASEL_PUBLIC_URL: z.url(),
  EASEL_KEY: secret(),
});
const good = { EASEL_PUBLIC_URL: 'https://easel.test', EASEL_KEY: 'k1' };

function problemsOf(env: Record<string, string>, of: z.ZodType = schema): readonly string[] {
  try {
    readConfig(of, env);
  } catch (err) {
    expect(err).toBeInstanceOf(ConfigError);
    return (err as ConfigError).problems;
  }
  return [];
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'easel-config-'));
  folders.push(folder);
  writeFileSync(join(folder, 'value'), text);
  return join(folder, 'value');
}

describe('readConfig', () => {
  it('gives parsed values and defaults', () => {
    const config = readConfig(schema, { ...good, EASEL_PORT: '1234' });
    expect(config).toMatchObject({ EASEL_PORT: 1234, EASEL_PUBLIC_URL: 'https://easel.test' });
    expect(config.EASEL_KEY.reveal()).toBe('k1');
    expect(readConfig(schema, good).EASEL_PORT).toBe(8_080);
  });

  it('takes an empty variable as absent', () => {
    expect(readConfig(schema, { ...good, EASEL_PORT: '' }).EASEL_PORT).toBe(8_080);
    expect(problemsOf({ ...good, EASEL_KEY: '' })).toEqual(['EASEL_KEY: is required']);
  });

  it('reads and trims the file of NAME_FILE', () => {
    const { EASEL_KEY, ...rest } = good;
    const config = readConfig(schema, { ...rest, EASEL_KEY_FILE: fileWith(' from a file\n') });
    expect(config.EASEL_KEY.reveal()).toBe('from a file');
    expect(EASEL_KEY).toBe('k1');
  });

  it('refuses a name and its file together', () => {
    expect(problemsOf({ ...good, EASEL_KEY_FILE: '/nowhere' })).toEqual([
      'EASEL_KEY: set either EASEL_KEY or EASEL_KEY_FILE, not both',
    ]);
  });

  it('names all problems at once and repeats no value', () => {
    const problems = problemsOf({ EASEL_PORT: '99999', EASEL_PUBLIC_URL: 'hunter2', EASEL_KEY_FILE: '/nowhere/key' });
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toContain('EASEL_KEY_FILE: cannot read /nowhere/key (ENOENT)');
    expect(problems.join('\n')).toContain('EASEL_PORT: ');
    expect(problems.join('\n')).toContain('EASEL_PUBLIC_URL: ');
    expect(problems.join('\n')).not.toContain('hunter2');
  });

  it('reads optional features as a union and through transformations', () => {
    const mail = z.discriminatedUnion('EASEL_MAIL', [
      z.object({ EASEL_MAIL: z.literal('off') }),
      z.object({ EASEL_MAIL: z.literal('on'), EASEL_SMTP_URL: z.string() }),
    ]);
    const whole = z.intersection(z.object({ EASEL_PORT: z.coerce.number() }), mail).transform((config) => config);
    expect(readConfig(whole, { EASEL_PORT: '1', EASEL_MAIL: 'off' })).toEqual({ EASEL_PORT: 1, EASEL_MAIL: 'off' });
    expect(problemsOf({ EASEL_PORT: '1', EASEL_MAIL: 'on' }, whole)).toEqual(['EASEL_SMTP_URL: is required']);
  });
});

describe('Secret', () => {
  it('prints itself nowhere', () => {
    const value = new Secret('hunter2');
    const printed = [
      String(value),
      `${value}`,
      JSON.stringify({ value }),
      inspect({ value }, { depth: 9, showHidden: true }),
    ];
    for (const text of printed) {
      expect(text).toContain('[secret]');
      expect(text).not.toContain('hunter2');
    }
  });
});
