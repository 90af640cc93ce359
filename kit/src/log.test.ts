import { expect, it } from 'vitest';
import { Secret } from './config.ts';
import { createLog } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void, level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  write(createLog('tester', { level, destination: { write: (line) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line));
}

it('writes one JSON line with the service, the level and the fields', () => {
  const [line] = logged((log) => log.info({ environmentId: 'env_1', durationMs: 5 }, 'environment started'));
  expect(line).toMatchObject({
    level: 'info',
    service: 'tester',
    environmentId: 'env_1',
    durationMs: 5,
    message: 'environment started',
  });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

it('keeps quiet below its level', () => {
  expect(logged((log) => log.debug('detail'))).toHaveLength(0);
  expect(logged((log) => log.debug('detail'), 'debug')).toHaveLength(1);
});

it('adds the fields of a child to each line', () => {
  const [line] = logged((log) => log.child({ workerId: 'wrk_1' }).warn({ attempt: 2 }, 'worker is silent'));
  expect(line).toMatchObject({ workerId: 'wrk_1', attempt: 2 });
});

it('hides what must not be shown, at every depth', () => {
  const values = {
    token: 'hunter2',
    secret: 'hunter2',
    password: 'hunter2',
    authorization: 'hunter2',
    privateKey: 'hunter2',
  };
  const [line] = logged((log) =>
    log.info({ ...values, request: { ...values, headers: values }, key: new Secret('hunter2') }, 'request received'),
  );
  expect(JSON.stringify(line)).not.toContain('hunter2');
  expect(line.request.headers.authorization).toBe('[secret]');
});

it('writes an error with its stack and its cause', () => {
  const [line] = logged((log) => log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'task failed'));
  expect(line.err.message).toContain('outer');
  expect(line.err.stack).toContain('inner');
});
