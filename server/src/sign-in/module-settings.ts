import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { isNamespaceRole, NAMESPACE_ROLES, type NamespaceRole } from '../rights/roles.ts';

/** A provider is reached by TLS; plain HTTP is for one on the server's own machine, to try things. */
function isSafe(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.username || url.password || url.hash) return false;
  const isLoopback =
    url.hostname === 'localhost' ||
    url.hostname === '[::1]' ||
    (isIPv4(url.hostname) && url.hostname.startsWith('127.'));
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
}

const domainSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'expected a domain like example.com');

export const moduleSettingsSchema = z.object({
  issuer: z.string().trim().max(500).refine(isSafe, 'expected the issuer’s https:// address, as the provider gives it'),
  clientId: z.string().trim().min(1, 'expected the client’s id').max(500),
  /** Besides `openid`. */
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/))
    .max(20)
    .default(['profile', 'email']),
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
});
export type ModuleSettings = z.infer<typeof moduleSettingsSchema>;

export function roleOf({ role }: ModuleSettings): NamespaceRole | null {
  return role !== null && isNamespaceRole(role) ? role : null;
}
