/**
 * Sign-in with a browser. The command listens on a random port of this machine's loopback and opens a page of Easel; the
 * person, signed in there, presses a button; the page sends a form with the new token and our random state back to the port.
 *
 * Who may answer: the state proves that the answer belongs to the page that we opened. A page of anybody else does not know
 * it, and is refused by its Origin as well, where the browser names one (it says `null` for a form from https to http, and by
 * a strict referrer policy; Fetch §3.2, "append a request Origin header"). A name that points at 127.0.0.1 is refused by its
 * Host. Whatever is refused changes nothing: the listener goes on waiting. If the browser never comes, the limit ends it.
 * Source: RFC 8252 §7.3 (loopback redirection), §8.9.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommandError } from '../failure.ts';
import { closingPage } from './page.ts';

export interface SignInListener {
  /** The page to open. */
  readonly pageUrl: string;
  /** The token that came. Rejects with TIMED_OUT, or the signal's reason. */
  readonly token: Promise<string>;
  close(): void;
}

export interface SignInOptions {
  /** Easel's address. */
  readonly url: string;
  /** What the token is to be called: this machine. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 5 * 60_000;
/** A state and a token; anything larger is no form of ours. */
const MAX_FORM_BYTES = 8_192;
const TOKEN = /^easel_pat_[A-Za-z0-9_-]{20,200}$/;

export async function listenForToken(options: SignInOptions): Promise<SignInListener> {
  const { url, signal, timeoutMs = defaultTimeoutMs } = options;
  const state = randomBytes(32).toString('base64url');
  const token = Promise.withResolvers<string>();
  const server = createServer((req, res) => void answer(req, res, { url, state, take: token.resolve }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const onAbort = () => token.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const message = `nobody pressed the button within ${timeoutMs / 60_000} minutes: run it again, or give a token with --token-file`;
  const timer = setTimeout(() => token.reject(new CommandError('TIMED_OUT', message)), timeoutMs);
  token.promise.catch(() => undefined);
  const query = new URLSearchParams({ port: String(port), state, name: options.name });
  return {
    pageUrl: `${url}/settings/tokens/command?${query}`,
    token: token.promise,
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      server.close();
      server.closeIdleConnections();
    },
  };
}

interface Expected {
  readonly url: string;
  readonly state: string;
  readonly take: (token: string) => void;
}

/** Never rejects. */
async function answer(req: IncomingMessage, res: ServerResponse, expected: Expected): Promise<void> {
  const refuse = (status: number, text: string) => send(res, status, closingPage('Not signed in', text));
  try {
    const { port } = req.socket.address() as AddressInfo;
    if (req.headers.host !== `127.0.0.1:${port}`) return refuse(403, 'This address is not the one that was opened.');
    if (req.url !== '/') return refuse(404, 'There is nothing here.');
    if (req.method !== 'POST') return refuse(405, 'This address waits for an answer of Easel.');
    const { origin } = req.headers;
    if (origin !== undefined && origin !== 'null' && origin !== new URL(expected.url).origin)
      return refuse(403, 'Another site has sent this.');
    const form = new URLSearchParams(await readForm(req));
    if (!isSame(form.get('state') ?? '', expected.state))
      return refuse(403, 'This answer belongs to another sign-in. Run `easel sign-in` again.');
    const token = form.get('token') ?? '';
    if (!TOKEN.test(token)) return refuse(400, 'Easel sent no token. Run `easel sign-in` again.');
    send(res, 200, closingPage('Signed in', 'The command has its token. You can close this window.'));
    expected.take(token);
  } catch {
    // The sender is gone, or sends too much: there is nobody to tell.
    res.destroy();
  }
}

function send(res: ServerResponse, status: number, page: string): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  res.end(page);
}

async function readForm(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req.setEncoding('utf8')) {
    text += part;
    if (text.length > MAX_FORM_BYTES) throw new Error('the form is too large');
  }
  return text;
}

/** In the same time whatever it is. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
