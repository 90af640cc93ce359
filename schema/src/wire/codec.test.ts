import { expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { newId } from '../ids.ts';
import { decode, encode, MAX_MESSAGE_BYTES } from './codec.ts';
import { serverMessageSchema, type WorkerMessage, workerMessageSchema } from './worker.ts';

const schema = z.object({ type: z.literal('a'), n: z.number().default(1) });

function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (err) {
    if (err instanceof AppError) return err;
  }
  throw new Error('was not refused');
}

it('reads what it wrote', () => {
  expect(decode(schema, encode(schema, { type: 'a' }))).toEqual({ type: 'a', n: 1 });
  expect(decode(schema, new TextEncoder().encode('{"type":"a","n":2}'))).toEqual({ type: 'a', n: 2 });
});

it.each(['', '{', 'null', '[]', '"a"', '{"type":"b"}', '{"type":"a","n":"1"}', '\ud800'])('refuses %j', (text) => {
  expect(refusal(() => decode(schema, text)).code).toBe('INVALID_INPUT');
});

it('refuses a message that is too large before it parses it', () => {
  expect(refusal(() => decode(schema, ' '.repeat(MAX_MESSAGE_BYTES + 1))).code).toBe('LIMIT_EXCEEDED');
});

it('names the first problems and never repeats the input', () => {
  const strict = z.object({ a: z.number(), b: z.number(), c: z.number(), d: z.number() });
  const { message } = refusal(() => decode(strict, '{"a":"hunter2","b":"hunter2","c":"hunter2","d":"hunter2"}'));
  expect(message.match(/expected number/g)).toHaveLength(3);
  expect(message).not.toContain('hunter2');
});

const worker = { environmentId: newId('environment'), workerId: newId('worker'), generation: 1 };
const hello: WorkerMessage = {
  type: 'worker.hello',
  protocol: { oldest: 1, newest: 1 },
  ...worker,
  token: 't',
  secret: 'ab'.repeat(32),
  agentVersion: '0.1.0',
};

it('takes a hello of a worker, and nothing that only looks like one', () => {
  expect(decode(workerMessageSchema, JSON.stringify(hello))).toEqual(hello);
  for (const broken of [
    { environmentId: worker.workerId },
    { generation: 0 },
    { generation: 1.5 },
    { secret: 'short' },
    { token: 'x'.repeat(501) },
    { type: 'worker.hi' },
  ]) {
    expect(refusal(() => decode(workerMessageSchema, JSON.stringify({ ...hello, ...broken }))).code).toBe(
      'INVALID_INPUT',
    );
  }
});

it('does not let a message of one direction pass in the other', () => {
  expect(serverMessageSchema.safeParse(hello).success).toBe(false);
  expect(workerMessageSchema.safeParse({ type: 'report.ack', number: 1 }).success).toBe(false);
});
