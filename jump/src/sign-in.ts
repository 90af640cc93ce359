/**
 * Who is it? The user authentication of one connection (RFC 4252), by public key alone: an uploaded one, or one with a
 * certificate of the installation's own authority. The server is asked about both, and checks certificates itself, too.
 *
 * A client first asks whether a key would do ("query", no signature) and then proves that it has it. Only the proof lets
 * anybody in, and for exactly the key that signed: an accepted query of one key says nothing about another. Unknown user,
 * unknown key and foreign environment get the same answer at about the same time. Requests are answered one after the
 * other; too many end the connection. If the server does not answer, the person is told so, and nobody is let in.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Certificate } from '@easel/kit/ssh/certificate';
import { whatIsWrong } from '@easel/kit/ssh/judge-certificate';
import { publicKeyText } from '@easel/kit/ssh/public-key';
import {
  type Offer,
  type Offered,
  proofOfOffer,
  readOffered,
  readSignInRequest,
  type SignInRequest,
} from '@easel/kit/ssh/sign-in-request';
import { DISCONNECT, MESSAGE, message, WireError } from '@easel/kit/ssh/wire';
import { type CertificateHolder, holderOf } from '@easel/schema/wire/ssh-certificate';
import type { Authorities } from './authorities.ts';
import type { Credential, Grant, Grants } from './grants.ts';

/** Agents with many keys offer them all. */
const maxFailures = 20;
/** Requests that a client may send without waiting for the answer. */
const maxQueued = 4;
/** A no comes no sooner, so that the time it took to find out tells nothing. */
const minAnswerMs = 25;
const ourService = 'ssh-connection';
const maxNameLength = 200;

export interface SignedIn {
  login: string;
  credential: Credential;
  grant: Grant;
}

export interface SignInOptions {
  grants: Grants;
  authorities: Pick<Authorities, 'including'>;
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

export class SignIn {
  readonly #options: SignInOptions;
  readonly #queue: Buffer[] = [];
  #isBusy = false;
  #isOver = false;
  #failures = 0;
  #login: string | undefined;

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
        await this.#answer(readSignInRequest(next));
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

  async #answer({ login, service, offer }: SignInRequest): Promise<void> {
    if (service !== ourService || login.length > maxNameLength) {
      return void this.#end(DISCONNECT.protocolError, 'a malformed request to sign in');
    }
    this.#login ??= login;
    if (login !== this.#login) return void this.#end(DISCONNECT.protocolError, 'one user for each connection');
    const offered = offer && readOffered(offer);
    if (!offer || !offered) return void this.#refuse();
    const askedAtMs = this.#options.clock.now();
    const known = await this.#check(login, offer, offered);
    if (this.#isOver) return;
    if (!known) {
      const leftMs = minAnswerMs - (this.#options.clock.now() - askedAtMs);
      if (leftMs > 0) await this.#options.clock.sleep(leftMs);
      return void this.#refuse();
    }
    if (offer.signature === undefined) {
      this.#options.send(message(MESSAGE.userAuthPublicKeyOk, offer.algorithm, offer.blob));
      return void this.#options.onKnownKey();
    }
    this.#isOver = true;
    this.#options.send(message(MESSAGE.userAuthSuccess));
    this.#options.onSignedIn({ login, ...known });
  }

  async #check(
    login: string,
    offer: Offer,
    offered: Offered,
  ): Promise<{ credential: Credential; grant: Grant } | null> {
    const isProven = offer.signature !== undefined;
    const proof = proofOfOffer(offer, offered, this.#options.sessionId());
    if (isProven && !proof) return null;
    const { certificate } = offered;
    const holder = certificate && (await this.#holderOf(certificate));
    if (certificate && !holder) return null;
    const isUserVerified = proof?.isUserVerified ?? undefined;
    const ofKey = { publicKey: offered.text, ...(isUserVerified === undefined ? {} : { isUserVerified }) };
    const credential: Credential = certificate ? { certificate: offered.text } : ofKey;
    const { grants, address } = this.#options;
    const grant = await grants.ask({ login, ...credential, ...(isProven ? { address } : {}) });
    return grant && (!holder || isFor(holder, grant)) ? { credential, grant } : null;
  }

  /** Null when it is not ours or not good; why is for the log. */
  async #holderOf(certificate: Certificate): Promise<CertificateHolder | null> {
    const { authorities, clock, address, log } = this.#options;
    const known = await authorities.including(publicKeyText('ssh-ed25519', certificate.authority));
    const reason = whatIsWrong(certificate, { authorities: known, nowMs: clock.now(), address });
    if (reason !== null) log.info({ reason }, 'certificate refused');
    return reason === null ? holderOf(certificate) : null;
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

/** Whether the server speaks of whom the certificate names. */
function isFor(holder: CertificateHolder, grant: Grant): boolean {
  const isEnvironment = holder.environmentId === null || holder.environmentId === grant.environmentId;
  return holder.userId === grant.userId && isEnvironment;
}
