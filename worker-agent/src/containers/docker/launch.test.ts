import type { ContainerCreateOptions } from 'dockerode';
import { expect, test } from 'vitest';
import type { Docker } from './daemon.ts';
import { launch } from './launch.ts';

const answer = (statusCode: number, message: string) =>
  Object.assign(new Error(message), { statusCode, json: { message } });

/** A daemon whose starts fail as listed, and then succeed. */
function daemonOf(failures: Error[]) {
  const created: ContainerCreateOptions[] = [];
  const removed: number[] = [];
  let networks = 0;
  const docker = {
    getNetwork: () => ({ inspect: async () => (networks > 0 ? {} : Promise.reject(answer(404, 'no such network'))) }),
    createNetwork: async () => networks++,
    createContainer: async (spec: ContainerCreateOptions) => {
      const index = created.push(spec) - 1;
      return {
        start: async () => {
          const failure = failures.shift();
          if (!failure) return;
          if (failure.message.includes('network')) networks = 0;
          throw failure;
        },
        remove: async () => removed.push(index),
      };
    },
  } as unknown as Docker;
  return { docker, created, removed, networkCount: () => networks };
}

const spec = { Image: 'x', HostConfig: { Init: true } };

test('makes the network when it is not there', async () => {
  const { docker, created, networkCount } = daemonOf([]);
  await launch(docker, 'dev', spec);
  expect([created.length, networkCount()]).toEqual([1, 1]);
});

test('a network that was taken away in between is made again', async () => {
  const { docker, created, removed } = daemonOf([answer(404, 'network easel not found')]);
  await launch(docker, 'dev', spec);
  expect([created.length, removed]).toEqual([2, [0]]);
});

test('where the daemon has no init it is done without', async () => {
  const missing = answer(400, 'exec: "docker-init": executable file not found in $PATH: unknown');
  const { docker, created } = daemonOf([missing]);
  await launch(docker, 'dev', spec);
  expect(created.map(({ HostConfig }) => HostConfig?.Init)).toEqual([true, false]);
});

test('anything else is a failure, and leaves no container', async () => {
  const { docker, created, removed } = daemonOf([answer(500, 'exec: "/no/such/program": not found')]);
  await expect(launch(docker, 'web', spec)).rejects.toMatchObject({ failure: { class: 'containers' } });
  expect([created.length, removed]).toEqual([1, [0]]);
});

test('a network that goes away again and again is given up', async () => {
  const { docker } = daemonOf(Array.from({ length: 10 }, () => answer(404, 'network easel not found')));
  await expect(launch(docker, 'dev', spec)).rejects.toThrow('cannot be started');
});
