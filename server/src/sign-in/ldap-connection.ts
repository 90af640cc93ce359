/**
 * One connection to a directory, made and proven before the LDAP library gets it.
 *
 * The library would open a connection again by itself when one breaks, and without StartTLS then; and what a stranger on the
 * way sends behind the answer to StartTLS, still unencrypted, would be read as an answer from inside of TLS. So the socket is
 * opened here, StartTLS is spoken here with not one byte to spare, and the library gets one socket and no second.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'ldapts';
import type { LdapSettings } from './kinds/ldap.ts';

const CONNECT_LIMIT_MS = 5_000;
const ANSWER_LIMIT_MS = 5_000;

/** ExtendedRequest of OID 1.3.6.1.4.1.1466.20037, message 1. Source: RFC 4511 sections 4.12 and 4.14. */
const START_TLS = Buffer.concat([Buffer.from('301d02010177188016', 'hex'), Buffer.from('1.3.6.1.4.1.1466.20037')]);

export type Step = 'connect' | 'tls' | 'bind' | 'search';

/** What the directory did not do. The message is for administrators. */
export class DirectoryTrouble extends Error {
  readonly step: Step;

  constructor(step: Step, message: string, cause?: unknown) {
    super(message, { cause });
    this.step = step;
  }
}

/** Finds the address behind a directory's name, and refuses those that are not to be called. */
export type AddressOf = (url: URL) => Promise<string>;

/** A connection that nobody is bound on yet. `onStep` hears what has worked. Throws DirectoryTrouble. */
export async function openDirectory(
  settings: LdapSettings,
  addressOf: AddressOf,
  onStep: (step: Step) => void = () => undefined,
): Promise<Client> {
  const url = new URL(settings.url);
  const isLdaps = url.protocol === 'ldaps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (isLdaps ? 636 : 389));
  const address = await addressOf(url).catch((err: Error) => {
    throw new DirectoryTrouble('connect', err.message, err);
  });
  const plain = await opened(connect({ host: address, port }), 'connect', 'connect');
  onStep('connect');
  let socket = plain;
  try {
    if (isLdaps || settings.startsTls) {
      if (!isLdaps) await startTls(plain);
      socket = await opened(
        connectTls({
          socket: plain,
          host,
          ...(isIP(host) ? {} : { servername: host }),
          ...(settings.caCertificate ? { ca: settings.caCertificate } : {}),
          minVersion: 'TLSv1.2',
        }),
        'secureConnect',
        'tls',
      );
      onStep('tls');
    }
  } catch (err) {
    plain.destroy();
    throw err;
  }
  let isGiven = false;
  return new Client({
    url: 'ldap://directory',
    timeout: ANSWER_LIMIT_MS,
    createConnection: () => {
      if (isGiven) throw new DirectoryTrouble('connect', 'the directory has closed the connection');
      isGiven = true;
      return socket;
    },
  });
}

/** Closes it, whatever state it is in. */
export async function closeDirectory(client: Client): Promise<void> {
  await client.unbind().catch(() => undefined);
}

function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', step: Step): Promise<S> {
  return new Promise((resolve, reject) => {
    const failed = (err: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new DirectoryTrouble(step, err.message, err));
    };
    const timer = setTimeout(() => failed(new Error(`no answer within ${CONNECT_LIMIT_MS} ms`)), CONNECT_LIMIT_MS);
    socket.once('error', failed);
    socket.once('close', () => failed(new Error('the directory has closed the connection')));
    socket.once(event, () => {
      clearTimeout(timer);
      socket.removeAllListeners('close');
      socket.off('error', failed);
      // Until the library listens; an error then shows as a closed connection.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** Resolves when the directory has agreed, and has said nothing else. */
function startTls(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const end = (why: string | null) => {
      clearTimeout(timer);
      socket.removeAllListeners('data');
      socket.off('close', closed);
      if (why === null) resolve();
      else reject(new DirectoryTrouble('tls', why));
    };
    const closed = () => end('the directory has closed the connection instead of beginning TLS');
    const timer = setTimeout(() => end(`no answer to StartTLS within ${ANSWER_LIMIT_MS} ms`), ANSWER_LIMIT_MS);
    socket.once('close', closed);
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      const length = lengthOf(answer);
      if (length === null && answer.length < 4096) return;
      if (length === null || answer.length > length)
        return end('the directory has said more than the answer to StartTLS');
      if (answer.length === length) end(isAgreed(answer) ? null : 'the directory refuses StartTLS');
    });
    socket.write(START_TLS);
  });
}

/** Of the one message that begins here, with its head; null while that is not known. Source: RFC 4511 section 5.1 (definite lengths). */
function lengthOf(bytes: Buffer): number | null {
  if (bytes.length < 2) return null;
  const first = bytes[1] ?? 0;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  if (count === 0 || count > 2) return 0;
  return bytes.length < 2 + count ? null : 2 + count + bytes.readUIntBE(2, count);
}

/** Message 1 is an ExtendedResponse with result code 0. */
function isAgreed(bytes: Buffer): boolean {
  const head = (bytes[1] ?? 0) < 0x80 ? 2 : 2 + ((bytes[1] ?? 0) & 0x7f);
  const body = bytes.subarray(head);
  if (bytes[0] !== 0x30 || !body.subarray(0, 3).equals(Buffer.from('020101', 'hex')) || body[3] !== 0x78) return false;
  const inner = (body[4] ?? 0) < 0x80 ? 5 : 5 + ((body[4] ?? 0) & 0x7f);
  return body.subarray(inner, inner + 3).equals(Buffer.from('0a0100', 'hex'));
}
