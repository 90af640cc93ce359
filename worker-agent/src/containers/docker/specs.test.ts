import { expect, test } from 'vitest';
import { giftedEnv } from './specs.ts';

const sidecar = { name: 'db', image: 'postgres:17', env: {} };

test('what is local to an environment needs no proxy', () => {
  const gifts = { env: { HTTP_PROXY: 'http://proxy:1', NO_PROXY: '.example.com,localhost' }, caBundle: null };
  const own = 'localhost,127.0.0.1,::1,db';
  expect(giftedEnv(gifts, { sidecars: [sidecar] })).toEqual({
    HTTP_PROXY: 'http://proxy:1',
    NO_PROXY: `.example.com,${own}`,
    no_proxy: own,
  });
});

test('without a proxy there are no exceptions, without authorities no files', () => {
  expect(giftedEnv({ env: { TEAM: 'blue' }, caBundle: null }, { sidecars: [sidecar] })).toEqual({ TEAM: 'blue' });
});

test('authorities are named where the usual programs look, and the platform may overrule', () => {
  const env = giftedEnv({ env: { SSL_CERT_FILE: '/mine.crt' }, caBundle: '/tmp/x.crt' }, { sidecars: [] });
  expect(env).toMatchObject({ SSL_CERT_FILE: '/mine.crt', NODE_EXTRA_CA_CERTS: '/.easel-ca.crt' });
});
