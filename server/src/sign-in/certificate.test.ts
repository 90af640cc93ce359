import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { newKeyAndCertificate } from './certificate.ts';

it('a certificate is of its key, signed by it, and good for ten years', async () => {
  const { privateKey, certificate } = await newKeyAndCertificate('Easel', new Date('2026-02-28T12:00:00Z'));
  const read = new X509Certificate(certificate);
  expect(read.subject).toBe('CN=Easel');
  expect(read.issuer).toBe('CN=Easel');
  expect(read.ca).toBe(false);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
  expect(read.validFromDate.toISOString()).toBe('2026-02-28T12:00:00.000Z');
  expect(read.validToDate.toISOString()).toBe('2036-02-28T12:00:00.000Z');
  expect(read.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
});

it('two of them differ in key and number', async () => {
  const [one, other] = await Promise.all([
    newKeyAndCertificate('a', new Date()),
    newKeyAndCertificate('a', new Date()),
  ]);
  expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
    new X509Certificate(other.certificate).serialNumber,
  );
  expect(one.privateKey).not.toBe(other.privateKey);
});
