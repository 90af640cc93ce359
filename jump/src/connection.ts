/**
 * One person's SSH connection, from the first byte to the last.
 *
 *   exchanging keys → signing in → deciding ─┬─▶ direct      everything goes to the worker of the environment named as user
 *                                            ├─▶ tunnels     `ssh -J`: channels to environments by name
 *                                            └─▶ refusing    signed in, but there is nothing to enter now
 *
 * The first message that wants something decides: a channel to port 22 of what the server knows as an environment of this
 * person means tunnels, anything else means direct. Messages that come while that is found out wait, and nothing more is
 * read. If the worker's line ends, the client is told and the connection closes; if the client goes, the line is cut. A
 * connection never starts an environment, and outlives its ticket and the server's absence.
 */
import type { Socket } from 'node:net';
import type { Clock } from '@easel/kit/clock';
import { SocketLine } from '@easel/kit/line';
import { dialLine } from '@easel/kit/line-dial';
import type { Log } from '@easel/kit/log';
import { DISCONNECT, MESSAGE, message, Reader, WireError } from '@easel/kit/ssh/wire';
import { AppError } from '@easel/schema/errors';
import type { HostKey } from 'ssh2/lib/protocol/Protocol.js';
import type { Authorities } from './authorities.ts';
import { DirectLogin } from './direct.ts';
import { type Grant, type Grants, whyNot } from './grants.ts';
import type { JumpMetrics } from './metrics.ts';
import { Refusing } from './refusing.ts';
import { type SignedIn, SignIn } from './sign-in.ts';
import { clientFacingOffer } from './ssh/algorithms.ts';
import { Transport } from './ssh/transport.ts';
import { destinationOf, mayBeEnvironment, Tunnels } from './tunnels.ts';
import { openWorkerLine } from './worker-line.ts';

/** From the first byte until somebody is signed in. */
const graceMs = 20_000;
/** From the first key that was found good: the person may be typing a passphrase or looking for a token. */
const proofMs = 120_000;
/** What may arrive before somebody is signed in: a key exchange and a dozen keys take a tenth of it. */
const maxStrangersBytes = 128 * 1024;

export interface ConnectionOptions {
  socket: Socket;
  address: string;
  hostKeys: Readonly<Record<string, HostKey>>;
  grants: Grants;
  authorities: Pick<Authorities, 'including'>;
  /** Instead of the address that the server names. */
  relayUrl: string | undefined;
  clock: Clock;
  log: Log;
  metrics: JumpMetrics;
  onFailure(): void;
  onSignedIn(): void;
  onClosed(): void;
}

interface Mode {
  onMessage(payload: Buffer): void;
  onDrain?(): void;
  close?(): void;
}

export class SshConnection {
  readonly #options: ConnectionOptions;
  readonly #line: Transport;
  readonly #signIn: SignIn;
  readonly #waiting: Buffer[] = [];
  #signedIn: SignedIn | undefined;
  #isDeciding = false;
  #isClosed = false;
  #mode: Mode | undefined;
  #grace: ReturnType<typeof setTimeout>;
  #isKeyKnown = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, clock, log } = options;
    this.#grace = this.#limit(graceMs);
    this.#line = new Transport({
      line: new SocketLine(socket),
      offer: clientFacingOffer,
      hostKeys: options.hostKeys,
      handlers: {
        onOpen: () => undefined,
        onServiceRequest: (name) => name === 'ssh-userauth' && !this.#signedIn,
        onBytes: (total) => {
          if (!this.#signedIn && total > maxStrangersBytes) this.#line.destroy('too many bytes before signing in');
        },
        onMessage: (payload) => this.#onMessage(payload),
        onDrain: () => this.#mode?.onDrain?.(),
        onClose: (reason) => this.#onClose(reason),
      },
    });
    this.#signIn = new SignIn({
      grants: options.grants,
      authorities: options.authorities,
      address: options.address,
      clock,
      log,
      sessionId: () => this.#line.sessionId,
      send: (payload) => this.#line.send(payload),
      disconnect: (code, text) => this.#line.disconnect(code, text),
      onKnownKey: () => {
        // Once: a public key is no secret, and who asks about it again and again must not stay.
        if (this.#isKeyKnown) return;
        this.#isKeyKnown = true;
        clearTimeout(this.#grace);
        this.#grace = this.#limit(proofMs);
      },
      onFailure: () => options.onFailure(),
      onSignedIn: (signedIn) => this.#onSignedIn(signedIn),
    });
  }

  /** Who is in, for whoever asks the server again; undefined before. */
  get signedIn(): SignedIn | undefined {
    return this.#signedIn;
  }

  /** Tells the person why, then closes. */
  end(sentence: string): void {
    this.#line.disconnect(DISCONNECT.byApplication, sentence);
  }

  /** Cuts at once. */
  destroy(): void {
    this.#line.destroy('the jump has stopped');
  }

  #limit(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#line.disconnect(DISCONNECT.byApplication, 'nobody signed in in time'), ms);
  }

  #onSignedIn(signedIn: SignedIn): void {
    clearTimeout(this.#grace);
    this.#signedIn = signedIn;
    this.#options.onSignedIn();
  }

  #onMessage(payload: Buffer): void {
    const signedIn = this.#signedIn;
    if (!signedIn) this.#signIn.onMessage(Buffer.from(payload));
    else if ((payload[0] ?? 0) < MESSAGE.globalRequest) return;
    else if (this.#mode) this.#mode.onMessage(payload);
    else this.#decide(payload, signedIn);
  }

  #decide(payload: Buffer, signedIn: SignedIn): void {
    if (!this.#isDeciding && !isWish(payload)) {
      if (payload[0] === MESSAGE.globalRequest) answerNo(payload, this.#line);
      return;
    }
    this.#waiting.push(Buffer.from(payload));
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    this.#line.pause();
    void this.#findMode(payload, signedIn).then((mode) => this.#begin(mode));
  }

  #begin(mode: Mode): void {
    if (this.#isClosed) {
      mode.close?.();
      return;
    }
    this.#mode = mode;
    try {
      for (const payload of this.#waiting.splice(0)) mode.onMessage(payload);
    } catch (err) {
      if (!(err instanceof WireError)) throw err;
      this.#line.disconnect(DISCONNECT.protocolError, err.message);
    }
    this.#line.resume();
  }

  /** Never rejects. */
  async #findMode(first: Buffer, signedIn: SignedIn): Promise<Mode> {
    try {
      const destination = destinationOf(first);
      if (destination && mayBeEnvironment(destination)) {
        const { host: environment } = destination;
        if (signedIn.grant.environmentId === null || (await this.#ask(signedIn, environment)))
          return this.#tunnels(signedIn);
      }
      const grant = signedIn.grant.ticket ? signedIn.grant : await this.#ask(signedIn);
      if (!grant?.ticket) return this.#refusing(grant ? whyNot(grant) : 'the key may no longer enter');
      return await this.#direct(grant, grant.ticket);
    } catch (err) {
      const said = err instanceof AppError;
      if (!said) this.#options.log.warn({ err }, 'login not connected');
      return this.#refusing(said ? err.message : 'the server does not answer: try again soon');
    }
  }

  #ask({ login, credential }: SignedIn, environment?: string): Promise<Grant | null> {
    const { grants, address } = this.#options;
    return grants.ask({ login, ...credential, address, ...(environment === undefined ? {} : { environment }) });
  }

  async #direct(grant: Grant, ticket: string): Promise<Mode> {
    const { log, metrics } = this.#options;
    const { userId, environmentName } = grant;
    const environmentId = grant.environmentId ?? undefined;
    const client = this.#line;
    const relayed = await dialLine({ url: this.#relayOf(grant), token: ticket });
    const mode = Promise.withResolvers<Mode>();
    await openWorkerLine(relayed, (worker) => {
      const direct = new DirectLogin(client, worker);
      mode.resolve({
        onMessage: (payload) => direct.onClientMessage(payload),
        onDrain: () => direct.onClientDrain(),
        close: () => worker.destroy('the client has gone'),
      });
      return {
        onMessage: (payload) => direct.onWorkerMessage(payload),
        onDrain: () => direct.onWorkerDrain(),
        onClose: (reason) => {
          log.info({ environmentId, userId, reason }, 'worker line closed');
          client.disconnect(DISCONNECT.byApplication, `environment ${environmentName} has gone away`);
        },
      };
    });
    metrics.opened('direct');
    return mode.promise;
  }

  #tunnels(signedIn: SignedIn): Mode {
    const { metrics } = this.#options;
    return new Tunnels({
      line: this.#line,
      onOpened: () => metrics.opened('tunnel'),
      dial: async (environment, signal) => {
        const grant = await this.#ask(signedIn, environment);
        if (!grant)
          throw new AppError({
            code: 'FORBIDDEN',
            message: 'there is no such environment, or this key may not enter it',
          });
        if (!grant.ticket) throw new AppError({ code: 'ENVIRONMENT_NOT_RUNNING', message: whyNot(grant) });
        return dialLine({ url: this.#relayOf(grant), token: grant.ticket, signal });
      },
    });
  }

  #refusing(sentence: string): Mode {
    this.#options.metrics.opened('refused');
    return new Refusing((payload) => this.#line.send(payload), sentence);
  }

  #relayOf(grant: Grant): string {
    const url = this.#options.relayUrl ?? grant.relayUrl;
    if (url) return url;
    throw new AppError({ code: 'PLATFORM_UNAVAILABLE', message: whyNot(grant) });
  }

  #onClose(reason: string): void {
    this.#isClosed = true;
    clearTimeout(this.#grace);
    this.#signIn.cancel();
    this.#mode?.close?.();
    const grant = this.#signedIn?.grant;
    if (grant) {
      const { userId, environmentId } = grant;
      this.#options.log.info({ userId, environmentId: environmentId ?? undefined, reason }, 'login ended');
    }
    this.#options.onClosed();
  }
}

/** Whether a message needs something of an environment: a channel, or a port to listen at. */
function isWish(payload: Buffer): boolean {
  if (payload[0] === MESSAGE.channelOpen) return true;
  if (payload[0] !== MESSAGE.globalRequest) return false;
  const name = new Reader(payload).text();
  return name === 'tcpip-forward' || name === 'streamlocal-forward@openssh.com';
}

function answerNo(globalRequest: Buffer, line: Transport): void {
  const fields = new Reader(globalRequest);
  fields.string();
  if (fields.boolean()) line.send(message(MESSAGE.requestFailure));
}
