/**
 * The key and the certificate by which this command enters: files of its own, so that every program that runs `ssh` can use
 * them. The key alone opens nothing. A certificate is good for minutes and fetched anew when it is about to run out; the key
 * stays for half a day, so that commands that run at once do not pull it away from each other.
 */
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificate, readCertificate } from '@easel/kit/ssh/certificate';
import { newSshKeyPair, publicHalfOf } from '@easel/kit/ssh/private-key';
import { createSshCertificateMutation } from '../api/account.ts';
import type { Api } from '../api/api.ts';

/** Time enough for a slow login. */
const MIN_LEFT_SECONDS = 90;
const KEY_LIFE_MS = 12 * 3_600_000;

export interface CertificateFiles {
  /** The private key; `ssh` finds the certificate beside it by its name. */
  keyFile: string;
  certificateFile: string;
  certificate: Certificate;
}

/** Where they lie, whether or not they are there yet. */
export function certificatePaths(
  configDir: string,
  url: string,
): { folder: string; keyFile: string; certificateFile: string } {
  const folder = join(configDir, 'certificates', url.replaceAll(/[^A-Za-z0-9.-]+/g, '_'));
  return { folder, keyFile: join(folder, 'id'), certificateFile: join(folder, 'id-cert.pub') };
}

/** Gives them with some time left, from the server when need be. */
export async function freshCertificate(api: Api, configDir: string): Promise<CertificateFiles> {
  const { folder, keyFile, certificateFile } = certificatePaths(configDir, api.url);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const publicKey = await ensureKey(keyFile);
  const stored = parse(await readFile(certificateFile, 'utf8').catch(() => ''));
  if (stored && isFresh(stored, publicKey)) return { keyFile, certificateFile, certificate: stored };
  const given = await api.ask(createSshCertificateMutation, { input: { publicKey } });
  const certificate = parse(given.certificate);
  if (!certificate) throw new Error('the server gave a certificate that is none');
  await replace(certificateFile, `${given.certificate}\n`);
  return { keyFile, certificateFile, certificate };
}

/** Gives its public half, `type base64`. */
async function ensureKey(keyFile: string): Promise<string> {
  const bornMs = await stat(keyFile).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
  if (bornMs !== null && Date.now() - bornMs > KEY_LIFE_MS) await rm(keyFile, { force: true });
  const found = publicHalfOf(await readFile(keyFile, 'utf8').catch(() => ''));
  if (found) return found;
  const { privateKey } = newSshKeyPair('easel');
  const draft = `${keyFile}.${process.pid}`;
  await writeFile(draft, privateKey, { mode: 0o600 });
  try {
    // Fails when another command was quicker: its key counts.
    await link(draft, keyFile);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  } finally {
    await rm(draft, { force: true });
  }
  const made = publicHalfOf(await readFile(keyFile, 'utf8'));
  if (!made) throw new Error(`${keyFile} is no key of this command: remove it`);
  return made;
}

function parse(line: string): Certificate | null {
  return readCertificate(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}

function isFresh({ key, validBefore }: Certificate, publicKey: string): boolean {
  const leftSeconds = Number(validBefore) - Date.now() / 1000;
  return leftSeconds > MIN_LEFT_SECONDS && publicKey.endsWith(` ${key.blob.toString('base64')}`);
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
