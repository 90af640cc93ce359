import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@easel/kit/config';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { startSwift, type TestS3 } from '../../../test/kit/swift.ts';
import { describeObjectStore } from './object-store.contract.ts';
import { newBucket } from './s3.kit.ts';
import { createS3Objects, type S3ObjectsOptions } from './s3-objects.ts';

const trouble = expect.objectContaining({ code: 'OBJECT_STORE_UNAVAILABLE', retryable: true });

describeWith(['swift'], 'objects in S3', () => {
  let s3: TestS3;
  let bucket: S3ObjectsOptions;
  beforeAll(async () => {
    s3 = await startSwift();
    bucket = await newBucket(s3);
  }, 90_000);
  afterAll(() => s3?.stop());

  const options = () => bucket;
  describeObjectStore(() => createS3Objects(options()));

  it('is told by the store that a wrong key may do nothing', async () => {
    const store = createS3Objects({ ...options(), secretKey: new Secret('not-the-secret') });
    await expect(store.put('a/b.txt', Buffer.from('x'))).rejects.toEqual(trouble);
    await expect(store.get('a/b.txt')).rejects.toEqual(trouble);
    await expect(store.check()).rejects.toEqual(trouble);
  });

  it('says which bucket is missing', async () => {
    await expect(createS3Objects({ ...options(), bucket: 'absent' }).check()).rejects.toThrow('bucket absent');
  });
});

/** Answers the first requests with this status, then as if all were well. */
async function failingStore(failures: number, status: number) {
  let requests = 0;
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      requests++;
      response.statusCode = requests <= failures ? status : 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const store = createS3Objects({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    bucket: 'easel',
    accessKey: new Secret('k'),
    secretKey: new Secret('s'),
    forcePathStyle: true,
  });
  const close = () => {
    store.close();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { store, close, requests: () => requests };
}

it('tries again when the store is throttled for a moment', async () => {
  const { store, close, requests } = await failingStore(2, 503);
  await store.put('a/b.txt', Buffer.from('x'));
  expect(requests()).toBe(3);
  await close();
});

it('gives up when the store stays away, and says so', async () => {
  const { store, close } = await failingStore(100, 500);
  await expect(store.put('a/b.txt', Buffer.from('x'))).rejects.toEqual(trouble);
  await close();
  await expect(store.get('a/b.txt')).rejects.toEqual(trouble);
});
