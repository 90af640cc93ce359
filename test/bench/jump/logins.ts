/** Makes SSH connections that sign in and then do nothing: a client as cheap as it can be, so that servers are measured. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { message } from '@easel/kit/ssh/wire';
import { connectStranger, type Stranger } from '../../kit/ssh-stranger.ts';

const request = 50;
const success = 52;

export interface LoginKey {
  /** OpenSSH's form. */
  text: string;
  login(port: number, user: string): Promise<Stranger>;
}

export function makeLoginKey(): LoginKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const blob = strings('ssh-ed25519', Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  return {
    text: `ssh-ed25519 ${blob.toString('base64')}`,
    async login(port, user) {
      const stranger = await connectStranger(port);
      stranger.transport.send(proof(user, blob, privateKey, stranger.transport.sessionId));
      const answer = await stranger.next();
      if (answer[0] !== success) throw new Error(`not signed in: ${answer[0]}`);
      return stranger;
    },
  };
}

function proof(user: string, blob: Buffer, key: KeyObject, sessionId: Buffer): Buffer {
  const signed = message(request, user, 'ssh-connection', 'publickey', true, 'ssh-ed25519', blob);
  const signature = strings('ssh-ed25519', sign(null, Buffer.concat([strings(sessionId), signed]), key));
  return Buffer.concat([signed, strings(signature)]);
}

function strings(...fields: (string | Buffer)[]): Buffer {
  return message(0, ...fields).subarray(1);
}
