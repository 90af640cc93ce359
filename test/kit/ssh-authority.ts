/** An SSH authority of a test: certificates like those of the server, and such as no server would give. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { CERTIFICATE_TYPES, type CertificateContents, writeCertificate } from '@easel/kit/ssh/certificate';
import { ed25519Blob, publicKeyText, readPublicKey } from '@easel/kit/ssh/public-key';
import { newId, type UserId } from '@easel/schema/ids';
import { certificateTexts } from '@easel/schema/wire/ssh-certificate';

const second = 1_000;

export class TestAuthority {
  readonly #pair = generateKeyPairSync('ed25519');
  readonly blob = ed25519Blob(this.#pair.publicKey);
  /** `ssh-ed25519 base64`. */
  readonly text = publicKeyText('ssh-ed25519', this.blob);

  /** For the key of this line, `type base64 …`: a good one, but for what is changed. */
  certify(publicKey: string, userId: UserId, changed: Partial<CertificateContents> = {}): string {
    const key = readPublicKey(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'));
    if (!key) throw new Error('expected a public key');
    const now = BigInt(Math.floor(Date.now() / second));
    const holder = {
      certificateId: newId('sshCertificate'),
      userId,
      credentialId: newId('session'),
      environmentId: null,
    };
    const contents = {
      ...certificateTexts(holder, 'ada'),
      key,
      nonce: randomBytes(32),
      serial: 1n,
      kind: CERTIFICATE_TYPES.user,
      validAfter: now - 60n,
      validBefore: now + 600n,
      criticalOptions: new Map<string, string>(),
      extensions: new Map([['permit-pty', '']]),
      authority: this.blob,
    };
    return writeCertificate({ ...contents, ...changed }, (data) => sign(null, data, this.#pair.privateKey));
  }
}

/** Certificates that are to be refused, each with what is wrong with it. */
export function badCertificates(authority: TestAuthority, publicKey: string, userId: UserId): [string, string][] {
  const now = BigInt(Math.floor(Date.now() / second));
  const bad = (changed: Partial<CertificateContents>) => authority.certify(publicKey, userId, changed);
  const other = certificateTexts(
    {
      certificateId: newId('sshCertificate'),
      userId: newId('user'),
      credentialId: newId('session'),
      environmentId: null,
    },
    'eve',
  );
  const nested = Buffer.from(authority.certify(authority.text, userId).split(' ')[1] ?? '', 'base64');
  return [
    ['has expired', bad({ validBefore: now - 1n })],
    ['is not good yet', bad({ validAfter: now + 120n, validBefore: now + 600n })],
    ['is of another authority', new TestAuthority().certify(publicKey, userId)],
    [
      'names our authority, and another has signed it',
      new TestAuthority().certify(publicKey, userId, { authority: authority.blob }),
    ],
    ['is for hosts', bad({ kind: CERTIFICATE_TYPES.host })],
    ['is of no kind', bad({ kind: 3 })],
    ['names another principal', bad({ principals: other.principals })],
    ['names several principals', bad({ principals: [userId, newId('environment')] })],
    ['names nobody', bad({ principals: [] })],
    ['is of another user', bad(other)],
    ['has no key id of ours', bad({ keyId: 'root' })],
    ['forces a command', bad({ criticalOptions: new Map([['force-command', 'id']]) })],
    ['has an unknown critical option', bad({ criticalOptions: new Map([['x@example.com', '']]) })],
    ['is for other addresses', bad({ criticalOptions: new Map([['source-address', '198.51.100.0/24']]) })],
    ['is for malformed addresses', bad({ criticalOptions: new Map([['source-address', '0.0.0.0/99']]) })],
    ['is signed by a certificate', bad({ authority: nested })],
    ['is too large', bad({ nonce: randomBytes(13_000) })],
    ['has no text as its key id', bad({ keyId: 'a\nb' })],
  ];
}
