import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { hostCookie, sessionCookie, sessionCookieOf } from './session-cookie.ts';

const read = (cookie?: string, isSecure = false) =>
  sessionCookieOf({ headers: cookie === undefined ? {} : { cookie } } as IncomingMessage, { isSecure });

it('is found among others', () => {
  expect(read('a=b; easel_session=s-1; c=d=e')).toBe('s-1');
  expect(read('easel_session=')).toBeNull();
  expect(read('xeasel_session=s')).toBeNull();
  expect(read('garbage; =; ;')).toBeNull();
  expect(read()).toBeNull();
});

it('is the one bound to the host alone, under https', () => {
  expect(read('easel_session=planted; __Host-easel_session=ours', true)).toBe('ours');
  expect(read('easel_session=planted', true)).toBeNull();
});

it('is bound to the host under https, and out of reach of scripts always', () => {
  expect(sessionCookie('s', { isSecure: true, maxAgeSeconds: 9 })).toBe(
    '__Host-easel_session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=9; Secure',
  );
  expect(sessionCookie('', { isSecure: false, maxAgeSeconds: 0 })).toBe(
    'easel_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
  );
  expect(hostCookie('other', 'v', { isSecure: true, maxAgeSeconds: 1, sameSite: 'Strict' })).toBe(
    '__Host-other=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=1; Secure',
  );
});
