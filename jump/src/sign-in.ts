/**
 * Who is it? The user authentication of one connection (RFC 4252), by public key alone.
 *
 * A client first asks whether a key would do ("query", no signature) and then proves that it has it. Only the proof lets
 * anybody in, and for exactly the key that signed: an accepted query of one key says nothing about another. Unknown user,
 * unknown key and foreign environment get the same answer at about the same time. Requests are answered one after the
 * other; too many end the connection. If the server does not answer, the person is told so, and nobody is let in.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { isSignedBy, publicKeyText } from '@easel/kit/ssh/public-key';
import { DISCONNECT, MESSAGE, message, Reader, WireError } from '@easel/kit/ssh/wire';
import type { Grant, Grants } from './grants.ts';

/** Agents with many keys offer them all. */
const maxFailures = 20;
/** Requests that a client may send without waiting for the answer. */
const maxQueued = 4;
/** A no comes no sooner, so that the time it took to find out tells nothing. */
const minAnswerMs = 25;
/** A query's answer is good for the proof that follows, while the person finds their passphrase. */
const grantLifeMs = 120_000;
const service = 'ssh-connection';
const maxNameLength = 200;

export interface SignedIn {
  login: string;
  publicKey: string;
  grant: Grant;
}

export interface SignInOptions {
  grants: Grants;
  address: string;
  clock: Clock;
  log: Log;
  sessionId(): Buffer;
  send(payload: Buffer): void;
  disconnect(code: number, text: string): void;
  /** A key was found good, and is yet to be proven. */
  onKnownKey(): void;
  onFailure(): void;
  onSignedIn(signedIn: SignedIn): void;
}

interface Attempt {
  login: string;
  publicKey: string | null;
  algorithm: string;
  blob: Buffer;
  /** Undefined for a query. */
  signature: Buffer | undefined;
  /** What the signature must cover, without the session's id. */
  signed: Buffer;
}

export class SignIn {
  readonly #options: SignInOptions;
  readonly #queue: Buffer[] = [];
  #isBusy = false;
  #isOver = false;
  #failures = 0;
  #login: string | undefined;
  #known: { publicKey: string; grant: Grant; atMs: number } | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** Takes a message that came before anybody was signed in. */
  onMessage(payload: Buffer): void {
    if (this.#isOver) return;
    if (payload[0] !== MESSAGE.userAuthRequest) this.#end(DISCONNECT.protocolError, 'sign in first');
    else if (this.#queue.length >= maxQueued) this.#end(DISCONNECT.protocolError, 'wait for the answers');
    else {
      this.#queue.push(payload);
      if (!this.#isBusy) void this.#work();
    }
  }

  /** The connection is gone: whatever is under way has no effect. */
  cancel(): void {
    this.#isOver = true;
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let next = this.#queue.shift(); next && !this.#isOver; next = this.#queue.shift()) {
        await this.#answer(readAttempt(next));
      }
    } catch (err) {
      if (this.#isOver) return;
      if (err instanceof WireError) this.#end(DISCONNECT.protocolError, err.message);
      else {
        this.#options.log.warn({ err }, 'sign-in failed');
        this.#end(DISCONNECT.byApplication, 'the server that knows your keys does not answer: try again soon');
      }
    } finally {
      this.#isBusy = false;
    }
  }

  async #answer(attempt: Attempt | null): Promise<void> {
    if (!attempt) return void this.#end(DISCONNECT.protocolError, 'a malformed request to sign in');
    this.#login ??= attempt.login;
    if (attempt.login !== this.#login) return void this.#end(DISCONNECT.protocolError, 'one user for each connection');
    if (attempt.publicKey === null) return void this.#refuse();
    const askedAtMs = this.#options.clock.now();
    const grant = await this.#check(attempt, attempt.publicKey);
    if (this.#isOver) return;
    if (!grant) {
      const leftMs = minAnswerMs - (this.#options.clock.now() - askedAtMs);
      if (leftMs > 0) await this.#options.clock.sleep(leftMs);
      return void this.#refuse();
    }
    if (attempt.signature === undefined) {
      this.#options.send(message(MESSAGE.userAuthPublicKeyOk, attempt.algorithm, attempt.blob));
      return void this.#options.onKnownKey();
    }
    this.#isOver = true;
    this.#options.send(message(MESSAGE.userAuthSuccess));
    this.#options.onSignedIn({ login: attempt.login, publicKey: attempt.publicKey, grant });
  }

  async #check(attempt: Attempt, publicKey: string): Promise<Grant | null> {
    if (attempt.signature !== undefined && !this.#isProven(attempt, attempt.signature)) return null;
    const { clock, grants, address } = this.#options;
    const known = this.#known;
    if (known?.publicKey === publicKey && clock.now() - known.atMs < grantLifeMs) return known.grant;
    const grant = await grants.ask({ login: attempt.login, publicKey, address });
    if (grant) this.#known = { publicKey, grant, atMs: clock.now() };
    return grant;
  }

  /** RFC 4252 §7: the signature covers the session's id and the request up to the key. */
  #isProven({ algorithm, blob, signed }: Attempt, signature: Buffer): boolean {
    const sessionId = this.#options.sessionId();
    const length = Buffer.alloc(4);
    length.writeUInt32BE(sessionId.length);
    return isSignedBy({ algorithm, blob, signature, data: Buffer.concat([length, sessionId, signed]) });
  }

  #refuse(): void {
    if (this.#isOver) return;
    this.#failures++;
    this.#options.onFailure();
    if (this.#failures > maxFailures) {
      this.#end(DISCONNECT.noMoreAuthMethods, 'too many keys: name one with "ssh -i FILE -o IdentitiesOnly=yes"');
    } else this.#options.send(message(MESSAGE.userAuthFailure, 'publickey', false));
  }

  #end(code: number, text: string): void {
    this.#isOver = true;
    this.#options.disconnect(code, text);
  }
}

/** Null when the request is for another service or its user can be nobody's. Throws WireError for a malformed one. */
function readAttempt(payload: Buffer): Attempt | null {
  const fields = new Reader(payload);
  const login = fields.text();
  if (fields.text() !== service || login.length > maxNameLength) return null;
  const method = fields.text();
  const attempt = {
    login,
    publicKey: null,
    algorithm: '',
    blob: Buffer.alloc(0),
    signature: undefined,
    signed: payload,
  };
  if (method !== 'publickey') return attempt;
  const isProof = fields.boolean();
  const algorithm = fields.text();
  const blob = fields.string();
  const signed = payload.subarray(0, fields.position);
  const signature = isProof ? fields.string() : undefined;
  return { ...attempt, publicKey: publicKeyText(algorithm, blob), algorithm, blob, signature, signed };
}
