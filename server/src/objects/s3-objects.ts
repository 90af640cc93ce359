/** Objects in an S3-compatible store. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Secret } from '@easel/kit/config';
import { checkKey, checkPrefix, checkSize, MAX_LISTED, type ObjectStore, unavailable } from './objects.ts';

export interface S3ObjectsOptions {
  /** Absent for Amazon's own. */
  endpoint?: string | undefined;
  region: string;
  bucket: string;
  accessKey: Secret;
  secretKey: Secret;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`: what most stores but Amazon's want. */
  forcePathStyle: boolean;
}

const connectLimitMs = 5_000;
const answerLimitMs = 20_000;
/** Attempts of one call, the first included. Throttling and 5xx are tried again by the SDK, with jitter. */
const attempts = 4;
/** Removals at a time. One by one, since `DeleteObjects` needs checksums that older stores do not know. */
const parallelRemovals = 8;

/** Nothing is dialled before the first call. */
export function createS3Objects(options: S3ObjectsOptions): ObjectStore & { close(): void } {
  const { bucket } = options;
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    forcePathStyle: options.forcePathStyle,
    credentials: { accessKeyId: options.accessKey.reveal(), secretAccessKey: options.secretKey.reveal() },
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: connectLimitMs, requestTimeout: answerLimitMs, throwOnRequestTimeout: true },
    // The signature already covers the body (x-amz-content-sha256); trailing CRC32s are unknown to many stores.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });

  async function remove(key: string): Promise<void> {
    try {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    } catch (err) {
      if (!isAbsent(err)) throw unavailable('remove an object', err);
    }
  }

  return {
    async put(key, body) {
      checkKey(key);
      checkSize(body);
      try {
        await client.send(
          new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: body.byteLength }),
        );
      } catch (err) {
        throw unavailable('write an object', err);
      }
    },

    async get(key) {
      checkKey(key);
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      } catch (err) {
        if (isAbsent(err)) return null;
        throw unavailable('read an object', err);
      }
    },

    async remove(keys) {
      keys.forEach(checkKey);
      const rest = [...keys];
      const removeInTurn = async () => {
        for (let key = rest.pop(); key !== undefined; key = rest.pop()) await remove(key);
      };
      await Promise.all(Array.from({ length: Math.min(parallelRemovals, keys.length) }, removeInTurn));
    },

    async list(prefix, { after, limit = MAX_LISTED } = {}) {
      checkPrefix(prefix);
      try {
        const { Contents = [] } = await client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            MaxKeys: Math.min(limit, MAX_LISTED),
            ...(after ? { StartAfter: after } : {}),
          }),
        );
        return Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, sizeBytes: Size }));
      } catch (err) {
        throw unavailable('list objects', err);
      }
    },

    async check() {
      try {
        await client.send(new HeadBucketCommand({ Bucket: bucket }));
      } catch (err) {
        throw unavailable(`open its bucket ${bucket}`, err);
      }
    },

    close: () => client.destroy(),
  };
}

function isAbsent(err: unknown): boolean {
  return (
    err instanceof NoSuchKey || (err as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404
  );
}
