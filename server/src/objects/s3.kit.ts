/** An empty bucket in a real S3, for suites. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Secret } from '@easel/kit/config';
import type { S3ObjectsOptions } from './s3-objects.ts';

const bucket = 'easel';

interface S3 {
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
}

/** Gives what opens it. */
export async function newBucket({ endpoint, region, accessKey, secretKey }: S3) {
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3Client({ region, endpoint, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const keys = { accessKey: new Secret(accessKey), secretKey: new Secret(secretKey) };
  return { endpoint, region, bucket, forcePathStyle: true, ...keys } satisfies S3ObjectsOptions;
}
