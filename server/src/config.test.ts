import { inspect } from 'node:util';
import { ConfigError, readConfig } from '@easel/kit/config';
import { expect, it } from 'vitest';
import { config } from './config.ts';

const files = {
  EASEL_DATABASE_URL: 'postgresql://easel:hunter2@127.0.0.1:5432/easel',
  EASEL_SECRET_KEY: 'ab'.repeat(32),
  EASEL_OBJECT_STORE: 'files',
  EASEL_OBJECT_STORE_DIR: '/var/lib/easel/objects',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(config, env);
  } catch (err) {
    if (err instanceof ConfigError) return err.problems;
    throw err;
  }
  return [];
}

it('needs little, and shows no secret', () => {
  const read = readConfig(config, files);
  expect(read).toMatchObject({ EASEL_PORT: 7080, EASEL_HEARTBEAT_SECONDS: 10, EASEL_OBJECT_STORE: 'files' });
  expect(inspect(read) + JSON.stringify(read)).not.toMatch(/hunter2|abab/);
});

it('takes an object store of either kind, with all that it needs', () => {
  const { EASEL_OBJECT_STORE_DIR: _, ...rest } = files;
  const s3 = {
    ...rest,
    EASEL_OBJECT_STORE: 's3',
    EASEL_S3_BUCKET: 'b',
    EASEL_S3_ACCESS_KEY: 'a',
    EASEL_S3_SECRET_KEY: 's',
  };
  expect(readConfig(config, s3)).toMatchObject({ EASEL_S3_REGION: 'us-east-1', EASEL_S3_FORCE_PATH_STYLE: true });
  expect(problemsOf({ ...rest, EASEL_OBJECT_STORE: 's3' }).join()).toContain('EASEL_S3_BUCKET');
});

it('names everything that is missing or wrong at once', () => {
  const problems = problemsOf({ EASEL_PORT: '70000', EASEL_ADMIN_TOKEN: 'short', EASEL_OBJECT_STORE: 'files' }).join(
    '\n',
  );
  for (const name of [
    'EASEL_DATABASE_URL',
    'EASEL_SECRET_KEY',
    'EASEL_PORT',
    'EASEL_ADMIN_TOKEN',
    'EASEL_OBJECT_STORE_DIR',
  ]) {
    expect(problems).toContain(name);
  }
  expect(problems).not.toContain('short');
});

it.each([
  ['EASEL_SECRET_KEY', 'ab'],
  ['EASEL_DATABASE_URL', 'mysql://a'],
  ['EASEL_PUBLIC_URL', 'javascript:alert(1)'],
  ['EASEL_HEARTBEAT_SECONDS', '0'],
  ['EASEL_STOP_SECONDS', 'soon'],
  ['EASEL_DEFAULT_IMAGE', '--privileged'],
])('refuses %s=%s', (name, value) => {
  expect(problemsOf({ ...files, [name]: value }).join()).toContain(name);
});

it('takes only the origin of the public address', () => {
  expect(readConfig(config, { ...files, EASEL_PUBLIC_URL: 'https://easel.example.com/x?y' }).EASEL_PUBLIC_URL).toBe(
    'https://easel.example.com',
  );
});
