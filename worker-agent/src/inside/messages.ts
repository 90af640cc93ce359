/**
 * Agent ⇄ helper, JSON lines over the control connection, one unix socket that the helper dials first.
 *
 *   helper ─▶ agent   connection line `{ secret, stream }`, the first line of every connection
 *   helper ─▶ agent   hello, then answers and exits        agent ─▶ helper   requests and orders
 *
 * Bytes never go over the control connection: for each stream that a request names, and for each connection that a listener
 * takes, the helper dials once more and says the stream's name in its connection line; from there on the connection is the
 * stream, and the kernel does half-close and back-pressure. If the helper dies, all its connections end and the agent says
 * `ended`. If the agent dies, the control connection ends, and the helper hangs up on all that it started and exits.
 *
 * The inside is hostile: any process of the user may dial, may know the secret, may speak for the helper. So all that comes
 * is parsed, bounded, and only names what the agent waits for; it can spoil the user's own sessions and nothing else.
 */
import { z } from 'zod';

const text = (max: number) => z.string().max(max);
const number = z.number().int().min(0).max(0xffff_ffff);

export const connectionLineSchema = z.object({
  secret: text(64),
  /** `control`, a name that the agent gave, or `listener:<number>`. */
  stream: text(64),
  /** Who connected, for a listener's connection. */
  from: z.object({ host: text(256), port: z.number().int().min(0).max(65_535) }).optional(),
});
export type ConnectionLine = z.infer<typeof connectionLineSchema>;

export const identitySchema = z.object({
  user: text(256).min(1),
  uid: number,
  gid: number,
  home: text(4096).regex(/^\//),
  shell: text(4096).regex(/^\//),
});

export const helperMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocol: number, identity: identitySchema }),
  z.object({ type: z.literal('done'), request: number, value: z.unknown() }),
  z.object({
    type: z.literal('failed'),
    request: number,
    code: z.enum(['NOT_FOUND', 'FORBIDDEN', 'PORT_CLOSED', 'LIMIT_EXCEEDED', 'INTERNAL']),
    message: text(1000),
  }),
  z.object({
    type: z.literal('exited'),
    process: number,
    code: z.number().int().min(0).max(255).nullable(),
    signal: text(20).nullable(),
  }),
]);
export type HelperMessage = z.infer<typeof helperMessageSchema>;
export type FailureCode = Extract<HelperMessage, { type: 'failed' }>['code'];

/** The `value` of the answer to `listen`. */
export const listenedSchema = z.object({ port: z.number().int().min(0).max(65_535), path: text(4096) });
/** The `value` of the answer to `ports`. */
export const portsSchema = z
  .array(z.object({ port: z.number().int().min(1).max(65_535), process: text(200).nullable() }))
  .max(1000);

export interface Terminal {
  term: string;
  columns: number;
  rows: number;
  modes?: Record<string, number> | undefined;
}

export type Address = { host: string; port: number } | { path: string };

/** Answered with `done` or `failed`. */
export type InsideRequest =
  | {
      type: 'spawn';
      process: number;
      argv: string[];
      cwd: string;
      env: Record<string, string>;
      defaults: Record<string, string>;
      /** With a terminal one stream, both ways; without, one for each of stdin, stdout and stderr. */
      terminal: Terminal | null;
      streams: string[];
    }
  | { type: 'connect'; target: Address; stream: string }
  | { type: 'listen'; listener: number; target: Address | { private: string } }
  | { type: 'sftp'; stream: string }
  | { type: 'ports' };

/** Not answered. */
export type InsideOrder =
  | { type: 'resize'; process: number; columns: number; rows: number }
  | { type: 'signal'; process: number; name: string }
  | { type: 'unlisten'; listener: number };

export type AgentMessage = (InsideRequest & { request: number }) | InsideOrder;
