import { expect, test } from 'vitest';
import { pullFailure, registryOf } from './image.ts';

test.each([
  ['debian', 'docker.io'],
  ['debian:12', 'docker.io'],
  ['library/debian', 'docker.io'],
  ['localhost/app', 'localhost'],
  ['localhost:5000/app', 'localhost:5000'],
  ['registry.example.com/team/app:1', 'registry.example.com'],
  ['127.0.0.1:9/app', '127.0.0.1:9'],
])('%s comes from %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

const answer = (statusCode: number, message: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message}`), { statusCode, json: { message } });

test.each([
  [answer(500, 'Get "https://r.example/v2/": dial tcp: lookup r.example: no such host'), 'its host is not known'],
  [answer(500, 'Get "https://r.example/v2/": dial tcp 1.2.3.4:443: connect: connection refused'), 'it does not answer'],
  [answer(500, 'Get "https://r.example/v2/": net/http: request canceled (Client.Timeout exceeded)'), 'in time'],
  [answer(500, 'Get "https://r.example/v2/": x509: certificate signed by unknown authority'), 'TLS certificate'],
  [answer(404, 'manifest for r.example/app:9 not found: manifest unknown'), 'no such tag'],
  [answer(404, "pull access denied for app, repository does not exist or may require 'docker login'"), 'sign in'],
  [new Error('toomanyrequests: You have reached your pull rate limit'), 'too many requests'],
])('%s', (err, part) => {
  const { failure } = pullFailure('r.example/app:9', err);
  expect(failure).toMatchObject({ class: 'image' });
  expect(failure.message).toContain('The image r.example/app:9 cannot be pulled from r.example: ');
  expect(failure.message).toContain(part);
});

test('a full disk and a daemon that is away are not the image’s fault', () => {
  const full = answer(500, 'write /var/lib/docker/tmp/x: no space left on device');
  expect(pullFailure('app', full).failure.class).toBe('disk_full');
  const away = Object.assign(new Error('connect ENOENT /var/run/docker.sock'), { code: 'ENOENT' });
  expect(pullFailure('app', away).failure.class).toBe('platform');
});
