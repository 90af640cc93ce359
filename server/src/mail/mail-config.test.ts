import { readConfig } from '@easel/kit/config';
import { expect, it } from 'vitest';
import { mailConfig } from './mail-config.ts';

const read = (env: Record<string, string>) => readConfig(mailConfig, env).smtp;
const FROM = { EASEL_SMTP_FROM: 'easel@example.com' };

it('is off without a server', () => expect(read(FROM)).toBeNull());

it('takes all from a URL', () => {
  const smtp = read({
    EASEL_SMTP_URL: 'smtps://me%40x:p%3Aw@mail.example.com',
    EASEL_SMTP_FROM: 'Dev <dev@example.com>',
  });
  expect(smtp).toMatchObject({
    host: 'mail.example.com',
    port: 465,
    tls: 'implicit',
    user: 'me@x',
    from: { name: 'Dev', address: 'dev@example.com' },
  });
  expect(smtp?.password?.reveal()).toBe('p:w');
  expect(JSON.stringify(smtp)).not.toContain('p:w');
});

it('asks for STARTTLS where nothing else is said', () => {
  expect(read({ EASEL_SMTP_HOST: 'mail', ...FROM })).toMatchObject({ port: 587, tls: 'starttls', user: null });
  expect(read({ EASEL_SMTP_URL: 'smtp://mail:25', ...FROM })).toMatchObject({ port: 25, tls: 'starttls' });
  expect(read({ EASEL_SMTP_HOST: 'mail', EASEL_SMTP_PORT: '465', ...FROM })).toMatchObject({ tls: 'implicit' });
});

it.each([
  [{ EASEL_SMTP_HOST: 'mail' }, /EASEL_SMTP_FROM: is required/],
  [{ EASEL_SMTP_HOST: 'mail', EASEL_SMTP_FROM: 'a@b.example, c@d.example' }, /EASEL_SMTP_FROM: expected an address/],
  [{ EASEL_SMTP_HOST: 'mail', EASEL_SMTP_FROM: 'x\r\nBcc: y <a@b.example>' }, /EASEL_SMTP_FROM/],
  [{ EASEL_SMTP_URL: 'http://mail', ...FROM }, /EASEL_SMTP_URL: expected smtp/],
  [{ EASEL_SMTP_URL: 'smtp://mail', EASEL_SMTP_HOST: 'mail', ...FROM }, /not both/],
  [{ EASEL_SMTP_HOST: 'mail', EASEL_SMTP_USER: 'a', ...FROM }, /needs a password/],
  [{ EASEL_SMTP_HOST: 'mail', EASEL_SMTP_TLS: 'yes', ...FROM }, /EASEL_SMTP_TLS/],
])('refuses %j', (env, message) => expect(() => read(env as unknown as Record<string, string>)).toThrow(message));
