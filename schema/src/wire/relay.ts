/**
 * Relay ⇄ worker ⇄ client, over three kinds of WebSocket (no extensions, no compression), all dialled by the others:
 *
 *   worker ─▶ `/worker`              control: JSON text, stands as long as the worker runs; Authorization: Bearer <worker ticket>
 *   client ─▶ `/connect`             a stream's client leg;  Authorization: Bearer <client ticket>, or `?ticket=` from a browser
 *   worker ─▶ `/stream/<stream id>`  a stream's worker leg;  Authorization: Bearer <worker ticket>
 *
 * The relay answers the client's upgrade only when the worker's leg has come, so that every refusal is an HTTP status with
 * `{"code","message"}`: 401 TICKET_INVALID, 403 FORBIDDEN, 429 RATE_LIMITED, 502 PORT_CLOSED, 503 WORKER_UNREACHABLE (with Retry-After), 504 TIMED_OUT.
 *
 * On a stream, binary messages carry bytes, boundaries mean nothing, and the one text message `{"type":"stream.end"}` says
 * that its sender sends no more (half-close). A stream whose both sides have ended is closed with 1000; any other close is a
 * reset. If one leg dies, the relay ends the other with 1001. The relay stores nothing: restart it and both sides redial.
 */
import { z } from 'zod';
import { idSchema } from '../ids.ts';

export const RELAY_PATHS = { control: '/worker', connect: '/connect', stream: '/stream/' } as const;
export const STREAM_END = '{"type":"stream.end"}';

/** How long the relay waits for the worker's leg. */
export const STREAM_OPEN_SECONDS = 10;

/** relay → worker. The worker checks the ticket itself, then dials `/stream/<id>`, or refuses. */
export const relayMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('stream.open'), streamId: idSchema('stream'), ticket: z.string().max(4096) }),
]);
export type RelayMessage = z.infer<typeof relayMessageSchema>;

/** worker → relay. */
export const relayReplySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('stream.refused'),
    streamId: idSchema('stream'),
    code: z.string().max(100),
    message: z.string().max(500),
  }),
]);
export type RelayReply = z.infer<typeof relayReplySchema>;
