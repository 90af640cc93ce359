import { z } from 'zod';

/** What a person types, and what stands before the `@` of an SSH address. */
export const loginSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(
    /^[a-z][a-z0-9._-]{0,62}$/,
    'a login is a letter, then letters, digits, ".", "_" or "-": at most 63 characters',
  );

export const nameSchema = z.string().trim().min(1, 'expected a name').max(100);
