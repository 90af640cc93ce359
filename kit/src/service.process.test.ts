import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** Starts a real process of `runService`, with an IPC channel as the supervisor has it. */
function start(env: Record<string, string>): { child: ChildProcess; output: () => string } {
  const script = `
    import { z } from 'zod';
    import { runService } from '${new URL('./service.ts', import.meta.url).href}';
    import { listenHealth } from '${new URL('./health.ts', import.meta.url).href}';
    await runService('tester', {
      config: z.object({ EASEL_PORT: z.coerce.number() }),
      async start({ config, health, stop, announce }) {
        const server = await listenHealth({ host: '127.0.0.1', port: config.EASEL_PORT, health });
        stop.add('health', () => server.close());
        announce({ port: server.port });
      },
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('.', import.meta.url).pathname,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
  return { child, output: () => output };
}

it('serves, tells its supervisor, and leaves with 0 on SIGTERM', async () => {
  const { child, output } = start({ EASEL_PORT: '0' });
  const [ready] = await once(child, 'message');
  expect(ready).toEqual({ type: 'ready', port: expect.any(Number) });
  expect((await fetch(`http://127.0.0.1:${ready.port}/readyz`)).status).toBe(200);
  expect(await (await fetch(`http://127.0.0.1:${ready.port}/metrics`)).text()).toContain('process_cpu_seconds_total');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  const lines = output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).message);
  expect(lines).toEqual(['ready', 'stopping', 'stopped']);
});

it('ends with its supervisor when told to', async () => {
  const { child } = start({ EASEL_PORT: '0', EASEL_EXIT_WITH_PARENT: '1' });
  await once(child, 'message');
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('leaves with 78 when its configuration is not usable', async () => {
  const { child, output } = start({ EASEL_PORT: 'x' });
  expect(await once(child, 'close')).toEqual([78, null]);
  expect(output()).toContain('EASEL_PORT: ');
});
