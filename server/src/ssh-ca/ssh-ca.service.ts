/**
 * The installation's own SSH authority: certificates by which a user enters without an uploaded key, good for minutes.
 *
 * A certificate is bound to the session or API token that asked for it. Whether that is still good, and what its user may
 * enter, is looked up at every entry, so a certificate gives nothing that its credential would not.
 */
import { randomBytes, sign } from 'node:crypto';
import type { Clock } from '@easel/kit/clock';
import { CERTIFICATE_TYPES, type Certificate, readCertificate, writeCertificate } from '@easel/kit/ssh/certificate';
import { isAddressRange, whatIsWrong, whatIsWrongWithIssue } from '@easel/kit/ssh/judge-certificate';
import { ed25519Blob, publicKeyText, readPublicKey } from '@easel/kit/ssh/public-key';
import { AppError } from '@easel/schema/errors';
import { isId, newId } from '@easel/schema/ids';
import { type CertificateHolder, certificateTexts, holderOf } from '@easel/schema/wire/ssh-certificate';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import { parseInput } from '../parse-input.ts';
import { may } from '../rights/may.ts';
import { parseSshPublicKey } from '../user/ssh-public-key.ts';
import { MAX_CERTIFICATE_SECONDS, type SshAuthorities } from './ssh-authorities.ts';

/** Long enough for a slow login, too short to be worth stealing. */
const MIN_SECONDS = 300;
const DEFAULT_SECONDS = 600;
/** A jump's clock may be behind. */
const EARLY_SECONDS = 60;
/** All that an environment's SSH side can do. OpenSSH's `sshd` knows them by the same names. */
const EXTENSIONS = ['permit-agent-forwarding', 'permit-port-forwarding', 'permit-pty'];

const createSshCertificateSchema = z.object({
  publicKey: z.string().min(1, 'expected a public key'),
  /** Id or name. */
  environment: z.string().min(1).max(200).nullish(),
  validSeconds: z.number().int().min(MIN_SECONDS).max(MAX_CERTIFICATE_SECONDS).nullish(),
  sourceAddresses: z
    .array(z.string().max(50).refine(isAddressRange, 'expected an address or a range, like 198.51.100.0/24'))
    .min(1)
    .max(10)
    .nullish(),
});

export interface SshCertificate {
  id: string;
  /** `type base64`. */
  certificate: string;
  serial: string;
  keyId: string;
  principals: string[];
  fingerprint: string;
  validAfter: Date;
  validBefore: Date;
}

export class SshCaService {
  readonly #authorities: SshAuthorities;
  readonly #environments: EnvironmentService;
  readonly #clock: Clock;

  constructor(parts: { authorities: SshAuthorities; environments: EnvironmentService; clock: Clock }) {
    this.#authorities = parts.authorities;
    this.#environments = parts.environments;
    this.#clock = parts.clock;
  }

  /** For the caller alone. Throws INVALID_INPUT, or NOT_FOUND for an environment that he may not enter. */
  async create(actor: Actor, input: z.input<typeof createSshCertificateSchema>): Promise<SshCertificate> {
    const { userId, login, credential } = asUser(actor);
    const { publicKey, environment, validSeconds, sourceAddresses } = parseInput(createSshCertificateSchema, input);
    const parsed = parseSshPublicKey(publicKey);
    const key = readPublicKey(Buffer.from(parsed.publicKey.split(' ')[1] ?? '', 'base64'));
    if (!key || !(isId('session', credential.id) || isId('apiToken', credential.id))) {
      throw new AppError({ code: 'FORBIDDEN', message: 'certificates are given to sessions and API tokens alone' });
    }
    const row = environment == null ? null : await this.#environments.get(actor, environment, 'read');
    if (row && !may(actor, 'environment.enter', row)) throw notFound('environment');
    const now = this.#clock.now();
    const nowSeconds = BigInt(Math.floor(now / 1000));
    const id = newId('sshCertificate', now);
    const holder = { certificateId: id, userId, credentialId: credential.id, environmentId: row?.id ?? null };
    const options = new Map(sourceAddresses ? [['source-address', sourceAddresses.join(',')]] : []);
    const signing = await this.#authorities.signingKey();
    const contents = {
      ...certificateTexts(holder, login),
      key,
      nonce: randomBytes(32),
      serial: randomBytes(8).readBigUInt64BE() >> 1n,
      kind: CERTIFICATE_TYPES.user,
      validAfter: nowSeconds - BigInt(EARLY_SECONDS),
      validBefore: nowSeconds + BigInt(validSeconds ?? DEFAULT_SECONDS),
      criticalOptions: options,
      extensions: new Map(EXTENSIONS.map((name) => [name, ''])),
      authority: ed25519Blob(signing),
    };
    return {
      id,
      certificate: writeCertificate(contents, (data) => sign(null, data, signing)),
      serial: String(contents.serial),
      keyId: contents.keyId,
      principals: contents.principals,
      fingerprint: parsed.fingerprint,
      validAfter: new Date(Number(contents.validAfter) * 1000),
      validBefore: new Date(Number(contents.validBefore) * 1000),
    };
  }

  /**
   * Whom a certificate, `type base64`, says to be; null when it is not of ours or not good. Without an address it is of
   * somebody who has not signed yet, or has long been in: then neither time nor place are looked at.
   */
  async holderOf(text: string, address: string | null): Promise<(CertificateHolder & { serial: string }) | null> {
    const certificate = certificateOf(text);
    if (!certificate) return null;
    const wrong =
      address === null
        ? whatIsWrongWithIssue(certificate, await this.#authorities.all())
        : whatIsWrong(certificate, {
            authorities: await this.#authorities.published(),
            nowMs: this.#clock.now(),
            address,
          });
    const holder = wrong === null ? holderOf(certificate) : null;
    return holder && { ...holder, serial: String(certificate.serial) };
  }
}

function certificateOf(text: string): Certificate | null {
  const [type = '', base64 = ''] = text.split(' ');
  const certificate = readCertificate(Buffer.from(base64, 'base64'));
  return certificate && text === publicKeyText(type, certificate.blob) && type === certificate.type
    ? certificate
    : null;
}
