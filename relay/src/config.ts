/** Everything that the relay reads from its environment. All limits are numbers that an administrator can see and set. */
import { z } from 'zod';

const count = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const origin = z
  .url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' })
  .transform((url) => new URL(url).origin);

export const config = z
  .object({
    EASEL_HOST: z.string().min(1).default('127.0.0.1'),
    EASEL_PORT: z.coerce.number().int().min(0).max(65_535).default(7081),
    /** Where the keys are that tickets are checked with. */
    EASEL_SERVER_URL: z
      .url({ protocol: /^https?$/, error: 'is required: the http:// or https:// address of the server' })
      .transform((url) => url.replace(/\/+$/, '')),
    /** Pages of these origins (comma-separated) may dial; without it, those of the server. Programs send no origin. */
    EASEL_ALLOWED_ORIGINS: z
      .string()
      .transform((list) => list.split(',').map((item) => item.trim()))
      .pipe(z.array(origin).min(1))
      .optional(),
    /** How many proxies of the administrator's own stand before the relay and add to X-Forwarded-For. */
    EASEL_PROXY_HOPS: z.coerce.number().int().min(0).max(10).default(0),
    /** Open TCP connections in all; a stream takes two. */
    EASEL_MAX_CONNECTIONS: count(20_000, 1_000_000),
    /** Dials per second from one source in the long run; ten times as many at once. */
    EASEL_DIALS_PER_SOURCE_PER_SECOND: count(100, 100_000),
    EASEL_STREAMS_PER_ENVIRONMENT: count(1_000, 1_000_000),
    EASEL_STREAMS_PER_USER: count(2_000, 1_000_000),
    /** Streams that wait for the worker's leg. */
    EASEL_OPENS_PER_ENVIRONMENT: count(100, 100_000),
    /** A leg that is silent this long is asked for a sign of life, and cut after as long again. */
    EASEL_PING_SECONDS: count(30, 3_600),
  })
  .transform((env) => ({
    host: env.EASEL_HOST,
    port: env.EASEL_PORT,
    serverUrl: env.EASEL_SERVER_URL,
    allowedOrigins: env.EASEL_ALLOWED_ORIGINS ?? originsOf(env.EASEL_SERVER_URL),
    proxyHops: env.EASEL_PROXY_HOPS,
    limits: {
      connections: env.EASEL_MAX_CONNECTIONS,
      dialsPerSourcePerSecond: env.EASEL_DIALS_PER_SOURCE_PER_SECOND,
      streamsPerEnvironment: env.EASEL_STREAMS_PER_ENVIRONMENT,
      streamsPerUser: env.EASEL_STREAMS_PER_USER,
      opensPerEnvironment: env.EASEL_OPENS_PER_ENVIRONMENT,
      pingSeconds: env.EASEL_PING_SECONDS,
    },
  }));

export type Config = z.output<typeof config>;
export type Limits = Config['limits'];

/** The server's own origin; on a loopback address under each of its names. */
function originsOf(serverUrl: string): string[] {
  const url = new URL(serverUrl);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'];
  if (!loopback.includes(url.hostname)) return [url.origin];
  return loopback.map((host) => `${url.protocol}//${host}${url.port ? `:${url.port}` : ''}`);
}
