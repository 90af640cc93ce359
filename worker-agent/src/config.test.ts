import { ConfigError, readConfig } from '@easel/kit/config';
import { newId } from '@easel/schema/ids';
import { expect, test } from 'vitest';
import { configSchema, forwardedEnv, machineEnv } from './config.ts';

const usual = {
  EASEL_SERVER_URL: 'https://easel.example.com',
  EASEL_ENVIRONMENT_ID: newId('environment'),
  EASEL_WORKER_ID: newId('worker'),
  EASEL_GENERATION: '1',
  EASEL_WORKER_TOKEN: 'token',
  EASEL_VOLUME_DIR: '/easel/volume',
  EASEL_RUNTIME: 'docker',
  EASEL_INSIDE_DIR: '/app/inside',
};
const read = (env: Record<string, string> = {}) => readConfig(configSchema, { ...usual, ...env });

test('without a daemon of its own a worker forwards nothing of the machine', () => {
  const config = read({ HTTP_PROXY: 'http://proxy:1', EASEL_FORWARDED_ENV: '{"TEAM":"blue"}' });
  expect(forwardedEnv(config)).toEqual({ TEAM: 'blue' });
  expect(machineEnv(config)).toMatchObject({ HTTP_PROXY: 'http://proxy:1' });
  expect(config.EASEL_DOCKERD_CONFIG).toEqual({ registryMirrors: [], insecureRegistries: [] });
});

test('in a pod proxies go on in both spellings, and the platform has the last word', () => {
  const config = read({
    EASEL_DOCKERD: 'own',
    HTTPS_PROXY: 'http://proxy:1',
    no_proxy: '.cluster.local',
    EASEL_FORWARDED_ENV: '{"https_proxy":"http://other:1"}',
    EASEL_DOCKERD_CONFIG: '{"registryMirrors":["https://mirror.example.com"]}',
  });
  expect(forwardedEnv(config)).toEqual({
    HTTPS_PROXY: 'http://proxy:1',
    https_proxy: 'http://other:1',
    NO_PROXY: '.cluster.local',
    no_proxy: '.cluster.local',
  });
  expect(config.EASEL_DOCKERD_CONFIG).toEqual({
    registryMirrors: ['https://mirror.example.com'],
    insecureRegistries: [],
  });
});

test.each([
  ['EASEL_FORWARDED_ENV', '{"A B":"x"}'],
  ['EASEL_FORWARDED_ENV', 'A=B'],
  ['EASEL_DOCKERD_CONFIG', '{"registryMirrors":"https://mirror.example.com"}'],
  ['EASEL_DOCKERD', 'mine'],
  ['EASEL_EXTRA_CA_FILE', 'ca.pem'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => read({ [name]: value })).toThrow(ConfigError);
  expect(() => read({ [name]: value })).toThrow(name);
});
