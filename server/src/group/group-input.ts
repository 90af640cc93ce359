import { isId } from '@easel/schema/ids';
import { z } from 'zod';
import { roleWishesSchema } from '../role/role-wish.ts';
import { nameSchema } from '../user/login.ts';

export const groupSchema = z
  .object({
    name: nameSchema,
    description: z
      .string()
      .trim()
      .max(500)
      .nullish()
      .transform((text) => text ?? ''),
    /** The sign-in module whose directory keeps it in step. */
    module: z
      .string()
      .refine((id) => isId('signInModule', id), 'expected the id of a sign-in module')
      .nullish()
      .transform((id) => id ?? null),
    /** What the directory calls it. */
    externalName: z
      .string()
      .trim()
      .max(500)
      .nullish()
      .transform((name) => name || null),
    roles: roleWishesSchema.nullish().transform((roles) => roles ?? []),
  })
  .refine(({ module, externalName }) => (module === null) === (externalName === null), {
    path: ['externalName'],
    error: 'a group that a sign-in module keeps in step needs the name that the directory has for it',
  });
export type GroupFields = z.output<typeof groupSchema>;

/** What one change takes; more is several changes. */
const MAX_CHANGED = 1000;

const userIds = z
  .array(z.string().refine((id) => isId('user', id), 'expected the id of a user'))
  .max(MAX_CHANGED)
  .nullish()
  .transform((ids) => [...new Set(ids ?? [])]);
export const membersSchema = z.object({ add: userIds, remove: userIds });
