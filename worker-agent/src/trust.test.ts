import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../../test/kit/tls.ts';
import { trustFurther } from './trust.ts';

const before = getCACertificates('default');
let dir: string;
let server: Server;
const file = (name: string) => join(dir, name);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'easel-test-'));
  const { key, cert } = selfSigned('localhost');
  writeFileSync(file('ca.pem'), cert);
  server = createServer({ key, cert }, (_req, res) => res.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  setDefaultCACertificates(before);
  server.close();
  rmSync(dir, { recursive: true });
});

/** Resolves to the status, or to the code of the error. */
function call(): Promise<number | string | undefined> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve) => {
    const req = request({ host: 'localhost', port, agent: false }, (res) => resolve(res.resume().statusCode));
    req.on('error', (err: NodeJS.ErrnoException) => resolve(err.code));
    req.end();
  });
}

test('a further authority is trusted by this process, and by what reads the file', async () => {
  expect(await call()).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  const bundle = trustFurther(file('ca.pem'))!;
  expect(await call()).toBe(200);
  const text = readFileSync(bundle, 'utf8');
  expect(text).toContain(readFileSync(file('ca.pem'), 'utf8').trim());
  expect(text.match(/BEGIN CERTIFICATE/g)!.length).toBeGreaterThan(10);
  rmSync(dirname(bundle), { recursive: true });
});

test('none named is none trusted; a file without one is an error', () => {
  expect(trustFurther(undefined)).toBeNull();
  writeFileSync(file('empty.pem'), 'hello');
  expect(() => trustFurther(file('empty.pem'))).toThrow('holds no certificate');
  expect(() => trustFurther(file('nowhere.pem'))).toThrow('ENOENT');
});
