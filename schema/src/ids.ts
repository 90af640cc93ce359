/**
 * Branded ids. An id is a three-letter prefix and a lower-case ULID: sorts by time of birth, says what it names, and is a
 * valid Kubernetes name, label, Docker name and folder name as it stands. Source: github.com/ulid/spec.
 */
import { z } from 'zod';

export const ID_PREFIXES = {
  environment: 'env',
  worker: 'wrk',
  placement: 'plc',
  template: 'tpl',
  namespace: 'nsp',
  platform: 'plt',
  user: 'usr',
  session: 'ses',
  passkey: 'psk',
  apiToken: 'tok',
  sshKey: 'key',
  sshCertificate: 'crt',
  event: 'evt',
  ticket: 'tkt',
  stream: 'stm',
  signingKey: 'sgk',
  instanceType: 'itp',
  snapshot: 'snp',
  invitation: 'inv',
  auditEntry: 'aud',
  signInModule: 'sim',
  group: 'grp',
  role: 'rol',
  grant: 'grt',
  clientCredential: 'clc',
  mail: 'mal',
  notification: 'ntf',
  share: 'shr',
  webhook: 'whk',
  webhookDelivery: 'whd',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
declare const brand: unique symbol;
export type Id<K extends IdKind> = string & { readonly [brand]: K };

export type EnvironmentId = Id<'environment'>;
export type WorkerId = Id<'worker'>;
export type PlacementId = Id<'placement'>;
export type TemplateId = Id<'template'>;
export type NamespaceId = Id<'namespace'>;
export type PlatformId = Id<'platform'>;
export type UserId = Id<'user'>;
export type SshKeyId = Id<'sshKey'>;
export type StreamId = Id<'stream'>;
export type InstanceTypeId = Id<'instanceType'>;
export type SnapshotId = Id<'snapshot'>;
export type GroupId = Id<'group'>;
export type RoleId = Id<'role'>;
export type ShareId = Id<'share'>;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id. `nowMs` decides its sort order; the other 80 bits are random. */
export function newId<K extends IdKind>(kind: K, nowMs: number = Date.now()): Id<K> {
  let time = '';
  for (let rest = nowMs, i = 0; i < 10; i++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `${ID_PREFIXES[kind]}${time}${Array.from(random, (byte) => ALPHABET[byte % 32]).join('')}` as Id<K>;
}

/** Says whether `text` has the shape of an id of this kind. */
export function isId<K extends IdKind>(kind: K, text: unknown): text is Id<K> {
  return (
    typeof text === 'string' && text.startsWith(ID_PREFIXES[kind]) && /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(3))
  );
}

/** The kind that an id's prefix names, or null for anything else. */
export function kindOf(text: string): IdKind | null {
  return (Object.keys(ID_PREFIXES) as IdKind[]).find((kind) => isId(kind, text)) ?? null;
}

/** A zod schema for an id of this kind. */
export function idSchema<K extends IdKind>(kind: K) {
  return z.custom<Id<K>>((value) => isId(kind, value), `expected a ${kind} id (${ID_PREFIXES[kind]}…)`);
}
