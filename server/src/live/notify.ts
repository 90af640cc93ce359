/**
 * What the servers tell each other through PostgreSQL: ids only, in the transaction that changed the rows, so that a hint
 * is never told of what was not stored. All on one channel, many to a message: each notifying transaction takes a lock
 * that is global to the database, and a payload has less than 8000 bytes (PostgreSQL, NOTIFY).
 */
import { type EnvironmentId, isId, kindOf, type PlatformId, type UserId } from '@easel/schema/ids';

/** The one channel that all servers of an installation listen on. */
export const CHANNEL = 'easel';
/** PostgreSQL's limit is 7999; ids are ASCII, so characters are bytes. */
const MAX_PAYLOAD_BYTES = 7900;

/** An environment whose row (or something shown with it) has changed. Its owner decides who is told. */
export interface EnvironmentHint {
  id: EnvironmentId;
  ownerId: UserId;
}

export interface Hints {
  environments?: readonly EnvironmentHint[];
  /** Environments that nobody will see any more (`deleted`). */
  removed?: readonly EnvironmentHint[];
  /** Platforms whose queue of placements has something new. */
  placements?: readonly PlatformId[];
  /** Platforms whose row has changed. */
  platforms?: readonly PlatformId[];
  /** Environments whose log has grown or ended. */
  logs?: readonly EnvironmentId[];
  /** Environments whose connected worker must be told something: the wish, or the keys, have changed. */
  workers?: readonly EnvironmentId[];
  /** Users in whose inbox something has changed. */
  inboxes?: readonly UserId[];
  /** Users and groups with whom something is shared since now, or no longer. */
  guests?: readonly string[];
}

/** The part of a Prisma client or transaction that is needed here. */
export interface RawExecutor {
  $executeRawUnsafe(query: string, ...values: unknown[]): PromiseLike<number>;
}

/** Tells every server of these changes when, and only when, the transaction commits. */
export async function notifyInTransaction(tx: RawExecutor, hints: Hints): Promise<void> {
  const payloads = encodeHints(hints);
  if (payloads.length === 0) return;
  await tx.$executeRawUnsafe(`SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS payload`, payloads);
}

/** One character for the kind, then the ids with "." between them; hints are separated by a space. */
export function encodeHints(hints: Hints): string[] {
  const words = new Set([
    ...(hints.environments ?? []).map((hint) => `e${hint.id}.${hint.ownerId}`),
    ...(hints.removed ?? []).map((hint) => `d${hint.id}.${hint.ownerId}`),
    ...(hints.placements ?? []).map((id) => `p${id}`),
    ...(hints.platforms ?? []).map((id) => `c${id}`),
    ...(hints.logs ?? []).map((id) => `l${id}`),
    ...(hints.workers ?? []).map((id) => `w${id}`),
    ...(hints.inboxes ?? []).map((id) => `i${id}`),
    ...(hints.guests ?? []).map((id) => `g${id}`),
  ]);
  const payloads: string[] = [];
  let payload = '';
  for (const word of words) {
    if (payload.length + word.length + 1 > MAX_PAYLOAD_BYTES) {
      payloads.push(payload);
      payload = '';
    }
    payload = payload ? `${payload} ${word}` : word;
  }
  if (payload) payloads.push(payload);
  return payloads;
}

/** Words that this version does not know are passed over: a newer server may tell more. */
export function decodeHints(payload: string): Required<{ [K in keyof Hints]: NonNullable<Hints[K]>[number][] }> {
  const hints = {
    environments: [],
    removed: [],
    placements: [],
    platforms: [],
    logs: [],
    workers: [],
    inboxes: [],
    guests: [],
  } as ReturnType<typeof decodeHints>;
  for (const word of payload.split(' ')) {
    const [id = '', ownerId = ''] = word.slice(1).split('.');
    if (word[0] === 'p' && isId('platform', id)) hints.placements.push(id);
    if (word[0] === 'c' && isId('platform', id)) hints.platforms.push(id);
    if (word[0] === 'i' && isId('user', id)) hints.inboxes.push(id);
    if (word[0] === 'g' && kindOf(id) !== null) hints.guests.push(id);
    if (!isId('environment', id)) continue;
    if (word[0] === 'e' && isId('user', ownerId)) hints.environments.push({ id, ownerId });
    if (word[0] === 'd' && isId('user', ownerId)) hints.removed.push({ id, ownerId });
    if (word[0] === 'l') hints.logs.push(id);
    if (word[0] === 'w') hints.workers.push(id);
  }
  return hints;
}
