/** A user as a directory sends it, and as it gets it back (RFC 7643 §4.1). */
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import type { Prisma, ScimUser, User } from '../generated/prisma/client.ts';
import { badRequest } from './scim-error.ts';
import { CORE_USER, ENTERPRISE_USER } from './scim-path.ts';

export type ScimRow = User & { scim: ScimUser | null };

const text = (max: number) => z.string().max(max);
/** Entra ID sends booleans as text. */
const bool = z.union([
  z.boolean(),
  z
    .string()
    .regex(/^(true|false)$/i)
    .transform((word) => word.toLowerCase() === 'true'),
]);
const nameSchema = z
  .object({ formatted: text(200).nullish(), givenName: text(100).nullish(), familyName: text(100).nullish() })
  .catchall(text(200).nullish());
const multiSchema = z
  .array(z.object({ value: text(200).nullish(), type: text(50).nullish(), primary: bool.nullish() }).loose())
  .max(20);

const userSchema = z.object({
  userName: z.string().trim().min(1, 'expected a userName').max(200),
  externalId: text(200).nullish(),
  active: bool.nullish(),
  displayName: text(200).nullish(),
  name: nameSchema.nullish(),
  nickName: text(200).nullish(),
  title: text(200).nullish(),
  preferredLanguage: text(50).nullish(),
  locale: text(50).nullish(),
  timezone: text(100).nullish(),
  emails: multiSchema.nullish(),
  phoneNumbers: multiSchema.nullish(),
  [ENTERPRISE_USER]: z.record(z.string().max(100), z.unknown()).nullish(),
});
type Sent = z.output<typeof userSchema>;

export interface Wanted {
  userName: string;
  externalId: string | null;
  isActive: boolean;
  name: string;
  email: string | null;
  attributes: Prisma.InputJsonObject;
}

/** Throws 400. */
export function parseUser(body: unknown): Wanted {
  const parsed = userSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badRequest('invalidValue', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
  }
  const { userName, externalId, active, ...attributes } = parsed.data;
  return {
    userName,
    externalId: externalId ?? null,
    isActive: active ?? true,
    name: displayNameOf(parsed.data).slice(0, 100),
    email: emailOf(parsed.data),
    attributes: JSON.parse(JSON.stringify(attributes)) as Prisma.InputJsonObject,
  };
}

function displayNameOf({ displayName, name, userName }: Sent): string {
  const both = [name?.givenName, name?.familyName].filter(Boolean).join(' ');
  return [displayName, name?.formatted, both].find((each) => each?.trim())?.trim() ?? userName;
}

/** The primary one, else the first; a userName that is an address counts as well. */
function emailOf({ emails, userName }: Sent): string | null {
  const address = (emails?.find(({ primary }) => primary === true) ?? emails?.[0])?.value ?? userName;
  return z.email().max(200).safeParse(address).data ?? null;
}

/** What a directory knows the user by that has not made him: his address, else his login. */
export function userNameOf({ scim, email, login }: ScimRow): string {
  return scim?.userName ?? email ?? login;
}

/** What there is to be patched: the same attributes as are sent. */
export function sentOf(row: ScimRow): Record<string, unknown> {
  const attributes = (row.scim?.attributes ?? {}) as Record<string, unknown>;
  return {
    ...(row.scim ? {} : { displayName: row.name, ...(row.email ? { emails: [mainEmail(row.email)] } : {}) }),
    ...attributes,
    userName: userNameOf(row),
    ...(row.scim?.externalId ? { externalId: row.scim.externalId } : {}),
    active: row.disabledAt === null,
  };
}

export function presentUser(row: ScimRow, baseUrl: string): Record<string, unknown> {
  const sent = sentOf(row);
  const hasExtension = sent[ENTERPRISE_USER] !== undefined && sent[ENTERPRISE_USER] !== null;
  return {
    schemas: [CORE_USER, ...(hasExtension ? [ENTERPRISE_USER] : [])],
    id: row.id,
    ...sent,
    meta: {
      resourceType: 'User',
      created: (row.scim?.createdAt ?? row.createdAt).toISOString(),
      lastModified: (row.scim?.updatedAt ?? row.createdAt).toISOString(),
      location: `${baseUrl}/Users/${row.id}`,
    },
  };
}

function mainEmail(value: string) {
  return { value, type: 'work', primary: true };
}

export const idOf = (row: ScimRow) => row.id as UserId;
