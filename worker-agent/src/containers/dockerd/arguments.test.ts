import { expect, test } from 'vitest';
import { daemonArguments } from './arguments.ts';

const usual = { dataRoot: '/volume/docker', storageDriver: 'overlay2', mtu: null } as const;
const valuesOf = (args: string[], name: string) => args.filter((_, i) => args[i - 1] === name);

test('data lies on the volume, everything of a run does not', () => {
  const args = daemonArguments({ ...usual, config: { registryMirrors: [], insecureRegistries: [] } });
  expect(valuesOf(args, '--data-root')).toEqual(['/volume/docker']);
  for (const name of ['--exec-root', '--pidfile', '--host']) expect(valuesOf(args, name)[0]).not.toContain('/volume');
  expect(args).not.toContain('--mtu');
});

test('registries are given as the daemon wants them', () => {
  const args = daemonArguments({
    ...usual,
    mtu: 1450,
    config: {
      registryMirrors: ['https://mirror.example.com/hub', 'mirror.example.org', '10.244.0.1:5000'],
      insecureRegistries: ['http://10.244.0.1:5000/', '10.0.0.0/8'],
    },
  });
  expect(valuesOf(args, '--registry-mirror')).toEqual([
    'https://mirror.example.com/hub',
    'https://mirror.example.org',
    'http://10.244.0.1:5000',
  ]);
  expect(valuesOf(args, '--insecure-registry')).toEqual(['10.244.0.1:5000', '10.0.0.0/8']);
  expect(valuesOf(args, '--mtu')).toEqual(['1450']);
});
