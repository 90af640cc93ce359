/**
 * Worker ⇄ server, JSON text over one WebSocket that the worker dials (`/worker`).
 *
 * worker.hello → worker.welcome (manifest) | worker.refused. Then reports with consecutive numbers, kept by the worker until
 * acknowledged and replayed after a reconnect from `ackedReport + 1`; log chunks likewise, numbered per worker; heartbeats
 * beside them, never replayed. If the worker dies, its reports end and the server waits out the grace period. If the server
 * dies, the worker works on, keeps what is not acknowledged, and redials with jitter.
 *
 * The first hello proves itself with the one-time token and names a `secret` of the worker's own making; every later hello
 * must show the same secret. So a lost welcome can be asked for again, and a second worker with the same token is refused.
 */
import { z } from 'zod';
import { failureSchema } from '../failure.ts';
import { idSchema } from '../ids.ts';
import { stepNameSchema } from '../states/step.ts';
import { authorizedKeySchema, certificateAuthoritiesSchema, manifestSchema } from './manifest.ts';

const instant = z.iso.datetime();
const text = (max: number) => z.string().max(max);
const count = z.number().int().min(0);

export const workerEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('step.started'), step: stepNameSchema, text: text(500).default('') }),
  /** `fraction` 0–1 where it is known. */
  z.object({
    type: z.literal('step.progressed'),
    step: stepNameSchema,
    fraction: z.number().min(0).max(1).nullable(),
    text: text(500),
  }),
  z.object({ type: z.literal('step.finished'), step: stepNameSchema, durationMs: count, text: text(500).default('') }),
  z.object({ type: z.literal('step.skipped'), step: stepNameSchema, text: text(500) }),
  z.object({ type: z.literal('step.failed'), step: stepNameSchema, durationMs: count, failure: failureSchema }),
  z.object({
    type: z.literal('worker.ready'),
    runtime: z.enum(['docker', 'process']),
    user: text(100),
    home: text(1000),
    project: text(1000),
    shell: text(1000),
  }),
  z.object({ type: z.literal('worker.failed'), failure: failureSchema }),
  z.object({ type: z.literal('worker.stopping'), reason: text(500) }),
  /** The volume is synced and takes no write until `worker.thaw`, or until the limit is over. */
  z.object({ type: z.literal('volume.frozen'), snapshotId: idSchema('snapshot') }),
  /** `problem`: why it was not, or no longer, frozen before it was asked to thaw. */
  z.object({ type: z.literal('volume.thawed'), snapshotId: idSchema('snapshot'), problem: text(500).nullable() }),
  /** `isClean`: the stop script ran to its end, all containers ended by themselves and the volume was synced. */
  z.object({ type: z.literal('worker.stopped'), isClean: z.boolean(), text: text(500).default('') }),
  z.object({ type: z.literal('container.started'), name: text(100), image: text(400) }),
  z.object({
    type: z.literal('container.ended'),
    name: text(100),
    exitCode: z.number().int().nullable(),
    text: text(500),
  }),
]);
export type WorkerEvent = z.infer<typeof workerEventSchema>;

export const gitStatusSchema = z.object({
  path: text(1000),
  branch: text(300).nullable(),
  commit: text(64).nullable(),
  uncommitted: count,
  /** Commits that no remote has; null where there is no upstream to compare with. */
  unpushed: count.nullable(),
});
export type GitStatus = z.infer<typeof gitStatusSchema>;

export const resourceUseSchema = z.object({
  /** Share of one core used since the last beat: 1.5 is one and a half cores. */
  cpus: z.number().min(0),
  memoryBytes: count,
  memoryLimitBytes: count.nullable(),
  diskUsedBytes: count,
  diskTotalBytes: count,
  processes: count,
});
export type ResourceUse = z.infer<typeof resourceUseSchema>;

export const ACTIVITY_SOURCES = ['ssh', 'terminal', 'ide', 'port', 'cpu', 'git'] as const;

export const heartbeatSchema = z.object({
  type: z.literal('worker.heartbeat'),
  at: instant,
  activity: z.object({
    lastActiveAt: instant,
    sources: z.array(z.enum(ACTIVITY_SOURCES)).max(ACTIVITY_SOURCES.length),
  }),
  resources: resourceUseSchema.nullable(),
  /** Null until the worker has looked: what was known before still counts. */
  git: z.array(gitStatusSchema).max(20).nullable(),
  /** TCP ports that listen inside. */
  ports: z.array(z.object({ port: z.number().int().min(1).max(65_535), process: text(200).nullable() })).max(200),
  /** Open connections by kind. */
  sessions: z.object({ ssh: count, port: count }),
  /** People with whom the environment is shared, and who are in: each way once, since their first stream. */
  visitors: z
    .array(z.object({ userId: idSchema('user'), way: z.enum(['ssh', 'port']), since: instant }))
    .max(200)
    .optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const LOG_STREAMS = ['stdout', 'stderr', 'system'] as const;
export const logLineSchema = z.object({
  at: instant,
  /** A step's name, `container:<name>` or `worker`. */
  source: text(120),
  stream: z.enum(LOG_STREAMS),
  text: text(16_384),
});
export type LogLine = z.infer<typeof logLineSchema>;

export const workerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('worker.hello'),
    protocol: z.object({ oldest: count, newest: count }),
    environmentId: idSchema('environment'),
    workerId: idSchema('worker'),
    generation: z.number().int().min(1),
    token: text(500),
    /** 32 random bytes in hex, made by the worker at its birth. */
    secret: z.string().regex(/^[0-9a-f]{64}$/),
    agentVersion: text(50),
  }),
  z.object({
    type: z.literal('worker.report'),
    number: z.number().int().min(1),
    at: instant,
    event: workerEventSchema,
  }),
  heartbeatSchema,
  /** `number` counts the chunks of this worker from 1. */
  z.object({
    type: z.literal('log.append'),
    number: z.number().int().min(1),
    lines: z.array(logLineSchema).min(1).max(1000),
  }),
]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;

/** Where the worker waits for streams. The token is a ticket of kind `worker`, renewed before it expires. */
export const relayAccessSchema = z.object({ url: z.string(), token: z.string(), expiresAt: instant });

export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('worker.welcome'),
    protocol: z.number().int(),
    heartbeatSeconds: z.number().int().min(1),
    ackedReport: count,
    ackedLog: count,
    manifest: manifestSchema,
    relay: relayAccessSchema.nullable(),
    /** JSON Web Key Set (RFC 7517 §5) that tickets are checked with. */
    ticketKeys: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
  }),
  /** The socket is closed after it. `isFinal`: do not come back. */
  z.object({ type: z.literal('worker.refused'), code: z.string(), message: z.string(), isFinal: z.boolean() }),
  z.object({ type: z.literal('report.ack'), number: count }),
  z.object({ type: z.literal('log.ack'), number: count }),
  z.object({ type: z.literal('worker.stop'), reason: z.string(), deadlineSeconds: z.number().int().min(1) }),
  /** Asked again after a reconnect. A worker thaws by itself when `limitSeconds` are over, whoever died. */
  z.object({
    type: z.literal('worker.freeze'),
    snapshotId: idSchema('snapshot'),
    limitSeconds: z.number().int().min(1).max(600),
  }),
  z.object({ type: z.literal('worker.thaw'), snapshotId: idSchema('snapshot') }),
  z.object({
    type: z.literal('keys.update'),
    authorizedKeys: z.array(authorizedKeySchema),
    /** Ids of sessions and API tokens that have ended of late. */
    revokedCredentials: z.array(z.string().max(64)).default([]),
    certificateAuthorities: certificateAuthoritiesSchema,
  }),
  z.object({ type: z.literal('relay.update'), relay: relayAccessSchema }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;
