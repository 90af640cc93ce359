import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { isAllowedOrigin } from './origin.ts';

const request = { headers: { host: 'easel.example.com:7080' } } as IncomingMessage;
const publicUrl = 'https://easel.example.com';

it.each([
  publicUrl,
  'http://easel.example.com:7080',
  'https://easel.example.com:7080',
  'http://EASEL.example.com:7080',
])('is ours: %s', (origin) => {
  expect(isAllowedOrigin(origin, request, { publicUrl })).toBe(true);
});

it.each([
  'null',
  '',
  'file://',
  'https://evil.example.com',
  'http://easel.example.com',
  'http://easel.example.com:8080',
  'https://easel.example.com.evil.com',
  'https://easel.example.com:7080.evil.com',
  'https://evil.com/easel.example.com:7080',
  'https://user@evil.com',
])('is not ours: %s', (origin) => {
  expect(isAllowedOrigin(origin, request, { publicUrl })).toBe(false);
});

it('is never ours without a host and a public address', () => {
  expect(isAllowedOrigin('http://a', { headers: {} } as IncomingMessage, { publicUrl: null })).toBe(false);
});
