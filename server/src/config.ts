/** Everything that the server reads from its environment. */
import { Secret, secret } from '@easel/kit/config';
import { nameSchema } from '@easel/schema/names';
import { imageSchema } from '@easel/schema/template';
import { z } from 'zod';
import { mailConfig } from './mail/mail-config.ts';
import { outboundConfig } from './outbound/outbound-config.ts';

const seconds = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

const databaseUrl = z
  .string({ error: 'is required: postgresql://user:password@host:5432/database' })
  .regex(/^postgres(ql)?:\/\//, 'expected postgresql://user:password@host:5432/database')
  .transform((url) => new Secret(url));

/** A token of ours as an administrator sets it: at least as strong as 128 random bits. */
const presetToken = z
  .string()
  .regex(/^easel_[a-z]+_[A-Za-z0-9_-]{22,200}$/, 'expected easel_<kind>_ and at least 22 random letters and digits')
  .transform((token) => new Secret(token));

export const databaseConfig = z.object({
  EASEL_DATABASE_URL: databaseUrl,
});

const KEY_FORM = '64 hexadecimal digits, like those of `openssl rand -hex 32`';
const serverKeys = {
  /** Seals secrets in the database and makes the workers' one-time tokens. */
  EASEL_SECRET_KEY: z
    .string({ error: `is required: ${KEY_FORM}` })
    .regex(/^[0-9a-f]{64}$/i, `expected ${KEY_FORM}`)
    .transform((hex) => new Secret(hex)),
  /** Open what they have sealed, and seal nothing: the key before, or the one that comes next (comma-separated). */
  EASEL_SECRET_KEYS_OTHER: z
    .string()
    .regex(/^[0-9a-f]{64}(,[0-9a-f]{64}){0,9}$/i, `expected ${KEY_FORM}; several with commas between them`)
    .transform((list) => list.split(',').map((hex) => new Secret(hex)))
    .optional(),
};
export const serverKeyConfig = z.object({ EASEL_DATABASE_URL: databaseUrl, ...serverKeys });

const serverConfig = z.object({
  EASEL_HOST: z.string().min(1).default('127.0.0.1'),
  EASEL_PORT: z.coerce.number().int().min(0).max(65_535).default(7080),
  /** Health and numbers on a port of their own, for what watches this process; without it, numbers go to loopback callers only. */
  EASEL_HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
  EASEL_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  /** Where people reach the server; without it, `http://<host>:<port>`. Its scheme decides about secure cookies. */
  EASEL_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' })
    .transform((url) => new URL(url).origin)
    .optional(),
  /** How many proxies of the administrator's own stand before the server and add to X-Forwarded-For. */
  EASEL_PROXY_HOPS: z.coerce.number().int().min(0).max(10).default(0),
  /** Requests to the API, of each replica: of one session or token and of one address without either, in the long run. */
  EASEL_REQUESTS_PER_SECOND: z.coerce.number().int().min(1).max(100_000).default(100),
  EASEL_STRANGERS_REQUESTS_PER_SECOND: z.coerce.number().int().min(1).max(100_000).default(20),
  /** The same of everybody, under way at once; more are told to come again. */
  EASEL_REQUESTS_AT_ONCE: z.coerce.number().int().min(1).max(100_000).default(500),
  EASEL_DATABASE_URL: databaseUrl,
  /** PostgreSQL connections of this replica, the one that listens not counted. */
  EASEL_DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(20),
  ...serverKeys,
  /** The platform that is installed together with this server: its scheduler's token, and what people call it. */
  EASEL_LOCAL_PLATFORM_TOKEN: presetToken.optional(),
  EASEL_LOCAL_PLATFORM_NAME: nameSchema.default('local'),
  EASEL_ADMIN_TOKEN: presetToken.optional(),
  /** The image of environments whose template names none; without it the worker takes its own default. */
  EASEL_DEFAULT_IMAGE: imageSchema.optional(),
  EASEL_SAMPLE_REPOSITORY_URL: z.string().optional(),
  EASEL_SAMPLE_IMAGE: imageSchema.optional(),
  EASEL_SIGN_IN_LINK: z.stringbool().default(false),
  EASEL_HEARTBEAT_SECONDS: seconds(10, 300),
  /** Silence after which an environment is interrupted. */
  EASEL_HEARTBEAT_LOST_SECONDS: seconds(30, 3600),
  /** How long an interrupted environment is waited for. */
  EASEL_GRACE_SECONDS: seconds(300, 86_400),
  /** The same when the platform has seen the worker end. */
  EASEL_GONE_GRACE_SECONDS: seconds(5, 3600),
  /** How long a worker that its platform has started may take to call. */
  EASEL_REGISTER_SECONDS: seconds(120, 3600),
  /** How long a graceful stop may take before it is forced. */
  EASEL_STOP_SECONDS: seconds(60, 3600),
  EASEL_MAX_ENVIRONMENTS_PER_USER: z.coerce.number().int().min(1).max(100_000).default(200),
  /** Whether users may share their environments; off, nothing that was shared is open to anybody. */
  EASEL_SHARING: z.stringbool().default(true),
  /** Unused for so long, an environment is deleted; without it, none is. Its owner is warned so long before. */
  EASEL_CLEANUP_DAYS: z.coerce.number().int().min(1).max(3650).optional(),
  EASEL_CLEANUP_NOTICE_DAYS: z.coerce.number().int().min(1).max(90).default(3),
  EASEL_MAX_SNAPSHOTS_PER_USER: z.coerce.number().int().min(1).max(100_000).default(200),
  /** How long entries of the audit log stay in the database once they lie in the object store, and how long there; 0: for ever. */
  EASEL_AUDIT_DATABASE_DAYS: z.coerce.number().int().min(1).max(36_500).default(90),
  EASEL_AUDIT_RETENTION_DAYS: z.coerce.number().int().min(0).max(36_500).default(0),
  /** The longest life of a personal API token; 0: without end is allowed. */
  EASEL_TOKEN_MAX_DAYS: z.coerce.number().int().min(0).max(3650).default(0),
  /** Whether the schema may be asked for over the API (it is committed in the open anyhow). */
  EASEL_INTROSPECTION: z.stringbool().default(true),
});

const objectStoreConfig = z.discriminatedUnion('EASEL_OBJECT_STORE', [
  z.object({ EASEL_OBJECT_STORE: z.literal('files'), EASEL_OBJECT_STORE_DIR: z.string().min(1) }),
  z.object({
    EASEL_OBJECT_STORE: z.literal('s3'),
    EASEL_S3_ENDPOINT: z.url().optional(),
    EASEL_S3_REGION: z.string().min(1).default('us-east-1'),
    EASEL_S3_BUCKET: z.string().min(1),
    EASEL_S3_ACCESS_KEY: secret(),
    EASEL_S3_SECRET_KEY: secret(),
    EASEL_S3_FORCE_PATH_STYLE: z.stringbool().default(true),
  }),
]);

export const config = z.intersection(
  z.intersection(serverConfig, objectStoreConfig),
  z.intersection(mailConfig, outboundConfig),
);
export type Config = z.output<typeof config>;
export type ObjectStoreConfig = z.output<typeof objectStoreConfig>;
