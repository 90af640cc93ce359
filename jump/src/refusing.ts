/**
 * The connection of somebody who is who they say, and whose environment cannot be entered now. Sessions open, say why in one
 * sentence on stderr and exit with 255, as ssh does for its own troubles; everything else is refused with that sentence.
 */
import { MESSAGE, message, OPEN_FAILURE, Reader } from '@easel/kit/ssh/wire';

const exitCode = 255;
const stderr = 1;
/** Nothing comes in; these are only polite. */
const windowBytes = 65_536;
const packetBytes = 32_768;
/** More sessions at once than any client opens. */
const maxSessions = 64;
const starters: ReadonlySet<string> = new Set(['shell', 'exec', 'subsystem']);

export class Refusing {
  readonly #send: (payload: Buffer) => void;
  readonly #sentence: string;
  /** The client's numbers of open sessions; ours are the same. */
  readonly #sessions = new Set<number>();

  constructor(send: (payload: Buffer) => void, sentence: string) {
    this.#send = send;
    this.#sentence = sentence;
  }

  onMessage(payload: Buffer): void {
    const fields = new Reader(payload);
    switch (payload[0]) {
      case MESSAGE.globalRequest:
        fields.string();
        if (fields.boolean()) this.#send(message(MESSAGE.requestFailure));
        return;
      case MESSAGE.channelOpen:
        this.#onOpen(fields);
        return;
      case MESSAGE.channelRequest:
        this.#onRequest(fields);
        return;
      case MESSAGE.channelClose:
        this.#sessions.delete(fields.uint32());
        return;
    }
  }

  #onOpen(fields: Reader): void {
    const type = fields.text();
    const channel = fields.uint32();
    if (type === 'session' && !this.#sessions.has(channel) && this.#sessions.size < maxSessions) {
      this.#sessions.add(channel);
      this.#send(message(MESSAGE.channelOpenConfirmation, channel, channel, windowBytes, packetBytes));
      return;
    }
    this.#send(message(MESSAGE.channelOpenFailure, channel, OPEN_FAILURE.connectFailed, this.#sentence, ''));
  }

  #onRequest(fields: Reader): void {
    const channel = fields.uint32();
    if (!this.#sessions.has(channel)) return;
    const type = fields.text();
    if (fields.boolean()) this.#send(message(MESSAGE.channelSuccess, channel));
    if (!starters.has(type)) return;
    this.#send(message(MESSAGE.channelExtendedData, channel, stderr, `easel: ${this.#sentence}\r\n`));
    this.#send(message(MESSAGE.channelEof, channel));
    this.#send(message(MESSAGE.channelRequest, channel, 'exit-status', false, exitCode));
    this.#send(message(MESSAGE.channelClose, channel));
    this.#sessions.delete(channel);
  }
}
