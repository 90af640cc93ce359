/**
 * Security keys without hardware: an agent on a socket of its own, which OpenSSH asks as it asks for every key. It signs as
 * an authenticator does. Source: OpenSSH, PROTOCOL.u2f; draft-ietf-sshm-ssh-agent §3.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { publicKeyText } from '@easel/kit/ssh/public-key';
import { securityKeyData } from '@easel/kit/ssh/signature';
import { message, Reader, record } from '@easel/kit/ssh/wire';

export const SECURITY_KEY_TYPES = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const;
export type SecurityKeyType = (typeof SECURITY_KEY_TYPES)[number];

/** What an authenticator says with a signature. */
export const TOUCHED = 0x01;
export const VERIFIED = 0x04;

export class SecurityKey {
  readonly type: SecurityKeyType;
  readonly application: string;
  readonly blob: Buffer;
  readonly #privateKey: KeyObject;
  /** Said with the next signatures. */
  flags = TOUCHED;
  #counter = 0;

  constructor(type: SecurityKeyType, application = 'ssh:') {
    this.type = type;
    this.application = application;
    const isEd25519 = type === 'sk-ssh-ed25519@openssh.com';
    const pair = isEd25519 ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    const fields = isEd25519 ? [Buffer.from(x, 'base64url')] : ['nistp256', point];
    this.blob = record(type, ...fields, application);
    this.#privateKey = pair.privateKey;
  }

  get publicKey(): string {
    return publicKeyText(this.type, this.blob);
  }

  sign(data: Buffer): Buffer {
    const signed = securityKeyData(this.application, this.flags, ++this.#counter, data);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.#counter);
    return Buffer.concat([record(this.type, this.#signature(signed)), Buffer.from([this.flags]), counter]);
  }

  #signature(data: Buffer): Buffer {
    if (this.type === 'sk-ssh-ed25519@openssh.com') return sign(null, data, this.#privateKey);
    const rs = sign('sha256', data, { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return record(mpint(rs.subarray(0, 32)), mpint(rs.subarray(32)));
  }
}

/** A positive number in SSH's one form. */
export function mpint(bytes: Buffer): Buffer {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  const number = bytes.subarray(at);
  return (number[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), number]) : number;
}

const AGENT = { failure: 5, requestIdentities: 11, identitiesAnswer: 12, signRequest: 13, signResponse: 14 } as const;

export interface Agent {
  socketPath: string;
  /** Options of `ssh` that make it ask this agent for this key and no other. */
  optionsFor(key: SecurityKey): string[];
  close(): void;
}

export async function startAgent(folder: string, keys: readonly SecurityKey[]): Promise<Agent> {
  const socketPath = join(folder, 'agent');
  const answer = (payload: Buffer): Buffer => {
    const fields = new Reader(payload);
    if (payload[0] === AGENT.requestIdentities) {
      const list = keys.flatMap(({ blob }) => [blob, 'security key']);
      return message(AGENT.identitiesAnswer, keys.length, ...list);
    }
    if (payload[0] !== AGENT.signRequest) return Buffer.from([AGENT.failure]);
    const blob = fields.string();
    const key = keys.find((one) => one.blob.equals(blob));
    return key ? message(AGENT.signResponse, key.sign(fields.string())) : Buffer.from([AGENT.failure]);
  };
  const server = createServer((socket) => {
    let waiting = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE()) {
        const end = 4 + waiting.readUInt32BE();
        socket.write(record(answer(waiting.subarray(4, end))));
        waiting = waiting.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    optionsFor(key) {
      const file = join(folder, `${key.type.replace(/@.*/, '')}-${keys.indexOf(key)}.pub`);
      writeFileSync(file, `${key.publicKey}\n`);
      return ['-o', `IdentityAgent=${socketPath}`, '-i', file, '-o', 'IdentitiesOnly=yes'];
    },
    close: () => void server.close(),
  };
}
