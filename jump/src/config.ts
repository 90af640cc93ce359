/** Everything that the jump reads from its environment. All limits are numbers that an administrator can see and set. */
import { secret } from '@easel/kit/config';
import { z } from 'zod';

const count = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

export const config = z
  .object({
    EASEL_HOST: z.string().min(1).default('127.0.0.1'),
    EASEL_PORT: port(7022),
    /** Health and metrics over HTTP, on the loopback address unless EASEL_HEALTH_HOST says otherwise. */
    EASEL_HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
    EASEL_HEALTH_PORT: port(0),
    EASEL_SERVER_URL: z.url({
      protocol: /^https?$/,
      error: 'is required: the http:// or https:// address of the server',
    }),
    EASEL_PLATFORM_TOKEN: secret(),
    /** The host keys are made here at the first start; keep the folder, and keep it to yourself. */
    EASEL_HOST_KEY_DIR: z.string({ error: 'is required: a folder that outlives this process' }).min(1),
    /** The relay's address as seen from here, where it is another one than clients use. */
    EASEL_RELAY_URL: z.url({ protocol: /^(https?|wss?)$/ }).optional(),
    EASEL_MAX_CONNECTIONS: count(5_000, 1_000_000),
    /** Connections of which nobody knows yet who it is, in all and from one source. */
    EASEL_MAX_STRANGERS: count(200, 100_000),
    EASEL_MAX_STRANGERS_PER_SOURCE: count(50, 100_000),
    /** New connections per second from one source in the long run; ten times as many at once. */
    EASEL_CONNECTIONS_PER_SOURCE_PER_SECOND: count(10, 100_000),
    /** Refused keys per second from one source in the long run; sixty times as many at once. */
    EASEL_FAILURES_PER_SOURCE_PER_SECOND: count(1, 100_000),
    /** How often the server is asked whether who is in may stay. */
    EASEL_RECHECK_SECONDS: count(30, 86_400),
  })
  .transform((env) => ({
    host: env.EASEL_HOST,
    port: env.EASEL_PORT,
    health: { host: env.EASEL_HEALTH_HOST, port: env.EASEL_HEALTH_PORT },
    serverUrl: env.EASEL_SERVER_URL,
    platformToken: env.EASEL_PLATFORM_TOKEN,
    hostKeyDir: env.EASEL_HOST_KEY_DIR,
    relayUrl: env.EASEL_RELAY_URL,
    recheckSeconds: env.EASEL_RECHECK_SECONDS,
    limits: {
      connections: env.EASEL_MAX_CONNECTIONS,
      strangers: env.EASEL_MAX_STRANGERS,
      strangersPerSource: env.EASEL_MAX_STRANGERS_PER_SOURCE,
      connectionsPerSourcePerSecond: env.EASEL_CONNECTIONS_PER_SOURCE_PER_SECOND,
      failuresPerSourcePerSecond: env.EASEL_FAILURES_PER_SOURCE_PER_SECOND,
    },
  }));

export type Config = z.output<typeof config>;
export type Limits = Config['limits'];
