/** What modules of all kinds have. */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { NAMESPACE_ROLES, type NamespaceRole } from '../../rights/roles.ts';

const domainSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'expected a domain like example.com');

export const commonShape = {
  /** Whoever has no user yet gets one. */
  mayRegister: z.boolean().default(false),
  /** Only verified addresses of these domains may; empty: any. */
  allowedDomains: z.array(domainSchema).max(50).default([]),
  /** A verified address that a user has already means that he is this user. Only for a provider that owns its addresses. */
  trustsEmail: z.boolean().default(false),
  /** Of whoever registers. */
  role: z
    .enum(Object.keys(NAMESPACE_ROLES) as [NamespaceRole, ...NamespaceRole[]])
    .nullable()
    .default('developer'),
  /** At each sign-in, membership in the groups here that belong to this module becomes what the provider says. */
  syncsGroups: z.boolean().default(true),
};

/** What the frame asks of a kind. Each has a file of its own in this folder, and a line in `module-settings.ts`. */
export interface ModuleKind<Settings> {
  schema: z.ZodType<Settings>;
  /** The input field of what is sealed; null when this kind has no secret that anybody types. */
  secretField: string | null;
  needsSecret(settings: Settings): boolean;
  /** Whether what the secret was given for is another now: then it must be given again. */
  isMoved(before: Settings, after: Settings): boolean;
  /** Where the provider is, for people to recognise it. */
  addressOf(settings: Settings): string;
  /** What a button of the sign-in page leads to; null when people type login and password into the one form. */
  startPath(id: string): string | null;
  /** What the provider is to be told, after the address of this server; null when it sends nobody back. */
  callbackPath(id: string): string | null;
}

/** A provider is reached by TLS; plain HTTP is for one on the server's own machine, to try things. */
export function isSafeAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.username || url.password || url.hash) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** Whether what is said to this host stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}
