/** Names that people give. */
import { z } from 'zod';

/**
 * An environment's or template's name: a DNS label of at most 40 characters (RFC 1123 §2.1), since it becomes an SSH login
 * and host name.
 */
export const nameSchema = z
  .string()
  .max(40, 'a name has at most 40 characters')
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    'a name starts with a letter, ends with a letter or digit, and has only a-z, 0-9 and "-" (like "web-shop-2")',
  );

/** A branch or tag that is safe to hand to git as an argument. Source: git-check-ref-format(1), stricter. */
export const branchSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?![-/.])(?!.*(\.\.|@\{|\/\/|\.lock$|[/.]$))[A-Za-z0-9._/@+#-]+$/, 'not a branch name that git accepts');
