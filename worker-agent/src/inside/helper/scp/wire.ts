/** Lines, bytes and acknowledgements of the protocol: 0 is yes, 1 a complaint after which it goes on, 2 the end. */
import type { Readable, Writable } from 'node:stream';

const maxLineBytes = 16_384;

/** The other side has ended, or gives up. */
export class WireEnd extends Error {}

export class Wire {
  readonly #output: Writable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  /** Complaints of either side. */
  errors = 0;

  constructor(input: Readable, output: Writable) {
    this.#chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#output = output;
    output.on('error', () => undefined);
  }

  async write(data: Buffer | string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#output.write(data, (err) => (err ? reject(new WireEnd(err.message)) : resolve()));
    });
  }

  ok(): Promise<void> {
    return this.write('\0');
  }

  /** Tells the other side, which goes on with the next file. */
  async complain(message: string): Promise<void> {
    this.errors++;
    await this.write(`\u0001scp: ${message.replaceAll('\n', ' ')}\n`);
  }

  async fatal(message: string): Promise<void> {
    this.errors++;
    await this.write(`\u0002scp: ${message.replaceAll('\n', ' ')}\n`).catch(() => undefined);
  }

  /** The answer to what was sent: whether it is a yes. Throws when the other side gives up. */
  async isAccepted(): Promise<boolean> {
    const answer = (await this.bytes(1))[0]!;
    if (answer === 0) return true;
    const text = (await this.line())?.toString() ?? '';
    this.errors++;
    if (answer !== 1) throw new WireEnd(text);
    return false;
  }

  /** The next line without its end, or null at the end of the input. */
  async line(): Promise<Buffer | null> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        const line = this.#rest.subarray(0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (this.#rest.length > maxLineBytes) throw new WireEnd('a line is too long');
      const next = await this.#chunks.next();
      if (next.done) return null;
      this.#rest = Buffer.concat([this.#rest, next.value]);
    }
  }

  /** At least one byte, at most `count`. */
  async bytes(count: number): Promise<Buffer> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) throw new WireEnd('the other side has ended');
      this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
