/**
 * An SFTP server, version 3, on one stream, with OpenSSH's extensions.
 *
 * Requests are done in the order in which they come, except that reads, which change nothing, are done side by side; all
 * are answered in order, because OpenSSH's scp takes an answer out of order for a hole and cuts the file there. The next
 * packet is taken only when the answers before it have found room in the stream, so a client that does not read holds
 * up itself and no memory. When the stream ends, everything that is still open is closed.
 */
import type { Duplex } from 'node:stream';
import { extensions } from './extensions.ts';
import { Handles } from './handles.ts';
import type { Context } from './operation.ts';
import { operations } from './operations.ts';
import { answer, MAX_PACKET_BYTES, Reader, TYPES, VERSION, Writer } from './packet.ts';
import { Refusal, statusOf } from './status.ts';

/** Reads done side by side: OpenSSH asks for 64 at once, and the file system has four threads. */
const maxReads = 16;

/** Serves until the stream ends; resolves when all is closed. Never rejects. */
export async function serveSftp(stream: Duplex): Promise<void> {
  const context: Context = { handles: new Handles(), nowMs: () => Date.now() };
  /** Answers under way, in order; the last one is there when all are. */
  const answers: Promise<void>[] = [];
  let hasVersion = false;
  stream.on('error', () => stream.destroy());
  try {
    for await (const packet of packetsOf(stream)) {
      const type = packet[0]!;
      if (type === TYPES.INIT && !hasVersion) {
        hasVersion = true;
        await send(stream, versionAnswer());
        continue;
      }
      if (!hasVersion) break;
      if (type !== TYPES.READ) {
        await answers.splice(0).at(-1);
        await send(stream, await outcomeOf(packet, context));
        continue;
      }
      const before = answers.at(-1);
      const outcome = outcomeOf(packet, context);
      answers.push(Promise.resolve(before).then(async () => send(stream, await outcome)));
      if (answers.length > maxReads) await answers.shift();
    }
    await answers.at(-1);
    stream.end();
  } catch {
    // The stream was cut, or what came is not this protocol.
    stream.destroy();
  } finally {
    await answers.at(-1);
    await context.handles.closeAll();
  }
}

async function outcomeOf(packet: Buffer, context: Context): Promise<Writer> {
  const reader = new Reader(packet, 1);
  const id = reader.uint32();
  try {
    const operation = operations[packet[0]!];
    if (!operation) throw new Refusal('OP_UNSUPPORTED', `there is no request of type ${packet[0]}`);
    const outcome = await operation(reader, id, context);
    return outcome instanceof Writer ? outcome : statusAnswer(id, outcome);
  } catch (err) {
    return statusAnswer(id, statusOf(err));
  }
}

function statusAnswer(id: number, { code, message }: { code: number; message: string }): Writer {
  return answer(TYPES.STATUS, id).uint32(code).bytes(message).bytes('en');
}

function versionAnswer(): Writer {
  const writer = new Writer().byte(TYPES.VERSION).uint32(VERSION);
  for (const [name, { version }] of extensions) writer.bytes(name).bytes(version);
  return writer;
}

/** Resolves when there is room for more. */
async function send(stream: Duplex, writer: Writer): Promise<void> {
  if (stream.destroyed) return;
  stream.cork();
  let hasRoom = true;
  for (const part of writer.packet()) hasRoom = stream.write(part);
  stream.uncork();
  if (hasRoom) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      stream.off('drain', finish).off('close', finish);
      resolve();
    };
    stream.on('drain', finish).on('close', finish);
  });
}

/** Throws when a packet is empty or too long. */
async function* packetsOf(stream: Duplex): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = 4;
  let isBody = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
      const part = all.subarray(0, wanted);
      chunks = all.length > wanted ? [all.subarray(wanted)] : [];
      size -= wanted;
      if (isBody) {
        wanted = 4;
        isBody = false;
        yield part;
      } else {
        wanted = part.readUInt32BE();
        isBody = true;
        if (wanted === 0 || wanted > MAX_PACKET_BYTES) throw new Error(`a packet of ${wanted} bytes`);
      }
    }
  }
}
