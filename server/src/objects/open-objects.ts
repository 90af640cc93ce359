import type { ObjectStoreConfig } from '../config.ts';
import { createFileObjects } from './file-objects.ts';
import type { ObjectStore } from './objects.ts';
import { createS3Objects } from './s3-objects.ts';

/** The object store that the configuration names. */
export function openObjects(config: ObjectStoreConfig): ObjectStore & { close(): void } {
  if (config.EASEL_OBJECT_STORE === 'files') {
    return Object.assign(createFileObjects({ folder: config.EASEL_OBJECT_STORE_DIR }), { close: () => undefined });
  }
  return createS3Objects({
    endpoint: config.EASEL_S3_ENDPOINT,
    region: config.EASEL_S3_REGION,
    bucket: config.EASEL_S3_BUCKET,
    accessKey: config.EASEL_S3_ACCESS_KEY,
    secretKey: config.EASEL_S3_SECRET_KEY,
    forcePathStyle: config.EASEL_S3_FORCE_PATH_STYLE,
  });
}
