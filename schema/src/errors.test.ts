import { expect, it } from 'vitest';
import { AppError, codeOfClose, ERRORS, type ErrorCode, isErrorCode } from './errors.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

it.each(codes)('%s has a close code of its own in the private range', (code) => {
  expect(codeOfClose(ERRORS[code].close)).toBe(code);
  expect(ERRORS[code].close).toBeGreaterThanOrEqual(4000);
  expect(ERRORS[code].close).toBeLessThan(5000);
});

it('has a GraphQL type of its own for each refusal, and none for trouble and bugs', () => {
  const types = codes.map((code) => ERRORS[code].graphql).filter((name) => name !== null);
  expect(new Set(types).size).toBe(types.length);
  for (const code of codes) expect(ERRORS[code].graphql !== null).toBe(ERRORS[code].kind === 'refusal');
});

it('says that trouble may be tried again, and refusals and bugs not', () => {
  expect(new AppError({ code: 'STORE_UNAVAILABLE', message: 'm' }).retryable).toBe(true);
  expect(new AppError({ code: 'NOT_FOUND', message: 'm' }).retryable).toBe(false);
  expect(new AppError({ code: 'INTERNAL', message: 'm' }).retryable).toBe(false);
  expect(new AppError({ code: 'RATE_LIMITED', message: 'm', retryable: true }).retryable).toBe(true);
});

it('keeps the cause apart from what is shown', () => {
  const cause = new Error('password=secret');
  const err = new AppError({ code: 'INTERNAL', message: 'internal error', cause });
  expect(err.cause).toBe(cause);
  expect(JSON.stringify(err.details)).toBe('{}');
});

it.each(['', 'not_found', 'toString', '__proto__', 5, null])('does not take %j for a code', (value) => {
  expect(isErrorCode(value)).toBe(false);
});

it('knows no code for other close codes', () => {
  expect(codeOfClose(1000)).toBeNull();
  expect(codeOfClose(4000)).toBeNull();
});
