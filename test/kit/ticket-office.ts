/** Signs tickets as the server does and publishes its keys, for tests of whoever checks them. */
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EnvironmentId, newId, type UserId, type WorkerId } from '@easel/schema/ids';
import {
  CLIENT_TICKET_SECONDS,
  signTicket,
  type Target,
  TICKET_KEYS_PATH,
  WORKER_TICKET_SECONDS,
} from '@easel/schema/wire/ticket';

type Jwk = JsonWebKey & { kty: string; kid?: string };

export class TicketOffice {
  #private!: Jwk;
  #public: Jwk[] = [];
  #server!: Server;
  /** How often the keys were asked for. */
  asked = 0;

  static async open(): Promise<TicketOffice> {
    const office = new TicketOffice();
    office.changeKey();
    office.#server = createServer((req, res) => {
      if (req.url !== TICKET_KEYS_PATH) return void res.writeHead(404).end();
      office.asked++;
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(office.keys));
    });
    office.#server.listen(0, '127.0.0.1');
    await once(office.#server, 'listening');
    return office;
  }

  /** What a relay takes for the server's address. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get keys(): { keys: Jwk[] } {
    return { keys: this.#public };
  }

  /** Signs with a new key from now on; the old one stays published unless `forget`. */
  changeKey(options: { forget?: boolean } = {}): void {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const kid = newId('signingKey');
    this.#private = { ...(privateKey.export({ format: 'jwk' }) as Jwk), kid };
    const key = { ...(publicKey.export({ format: 'jwk' }) as Jwk), kid, alg: 'EdDSA', use: 'sig' };
    this.#public = options.forget ? [key] : [...this.#public, key];
  }

  client(
    claims: { environmentId: EnvironmentId; userId?: UserId; target?: Target },
    seconds = CLIENT_TICKET_SECONDS,
  ): Promise<string> {
    const { environmentId, userId = newId('user'), target = { kind: 'port', port: 8080 } } = claims;
    return signTicket({ kind: 'client', jti: newId('ticket'), environmentId, userId, target }, this.#private, seconds);
  }

  worker(
    claims: { environmentId: EnvironmentId; workerId?: WorkerId; generation?: number },
    seconds = WORKER_TICKET_SECONDS,
  ): Promise<string> {
    const { environmentId, workerId = newId('worker'), generation = 1 } = claims;
    return signTicket(
      { kind: 'worker', jti: newId('ticket'), environmentId, workerId, generation },
      this.#private,
      seconds,
    );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
