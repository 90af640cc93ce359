/** Both directions parsed: what comes in is text of bounded size, is JSON, and has the shape of the schema. */
import type { z } from 'zod';
import { AppError } from '../errors.ts';

/** A message of more bytes is refused before it is parsed. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/** Throws INVALID_INPUT with the first three problems; never echoes the input. */
export function decode<S extends z.ZodType>(schema: S, data: string | Uint8Array): z.output<S> {
  if (data.length > MAX_MESSAGE_BYTES) {
    throw new AppError({
      code: 'LIMIT_EXCEEDED',
      message: `a message has at most ${MAX_MESSAGE_BYTES} bytes, got ${data.length}`,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data));
  } catch (cause) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'expected a JSON message', cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`);
  throw new AppError({ code: 'INVALID_INPUT', message: problems.join('; ') });
}

/** The text of a message. The type is the schema's input, so that a wrong shape is a type error. */
export function encode<S extends z.ZodType>(_schema: S, message: z.input<S>): string {
  return JSON.stringify(message);
}
