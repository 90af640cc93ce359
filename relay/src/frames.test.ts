/**
 * Frames as a stranger may send them, through the relay to an ordinary WebSocket peer: what comes back is what comes back
 * from that peer alone. After the cases of the Autobahn test suite (chapters 1 to 7), made here in numbers.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '@easel/kit/clock';
import { Health } from '@easel/kit/health';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { newId } from '@easel/schema/ids';
import { RELAY_PATHS } from '@easel/schema/wire/relay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TicketOffice } from '../../test/kit/ticket-office.ts';
import { config } from './config.ts';
import { Relay } from './relay.ts';
import { Tickets } from './tickets.ts';

interface RawFrame {
  opcode: number;
  payload?: Buffer;
  isFinal?: boolean;
  rsv?: number;
  isMasked?: boolean;
  /** Instead of the payload's. */
  claimedLength?: number;
}

function frame({
  opcode,
  payload = Buffer.alloc(0),
  isFinal = true,
  rsv = 0,
  isMasked = true,
  claimedLength,
}: RawFrame) {
  const length = claimedLength ?? payload.length;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const header = Buffer.alloc(size);
  header[0] = (isFinal ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = (isMasked ? 0x80 : 0) | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) header.writeUInt16BE(length, 2);
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return Buffer.concat([header, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask[i & 3]!)]);
}

const text = (value: string | Buffer, options: Partial<RawFrame> = {}) =>
  frame({ opcode: 1, payload: Buffer.from(value as string), ...options });
const binary = (payload: Buffer, options: Partial<RawFrame> = {}) => frame({ opcode: 2, payload, ...options });
const more = (payload: Buffer, isFinal: boolean) => frame({ opcode: 0, payload, isFinal });
const ping = (payload = Buffer.from('ping')) => frame({ opcode: 9, payload });
const closing = (code: number, reason: string | Buffer = '') => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame({ opcode: 8, payload: Buffer.concat([head, Buffer.from(reason as string)]) });
};
const goodbye = closing(1000);

/** Name, bytes, and how they are cut into writes. */
type Case = [name: string, bytes: Buffer, pieceBytes: number];

function cases(): Case[] {
  const all: Case[] = [];
  const add = (name: string, ...frames: Buffer[]) => {
    const bytes = Buffer.concat(frames);
    all.push([name, bytes, bytes.length || 1]);
    if (bytes.length < 600) all.push([`${name}, byte by byte`, bytes, 1]);
    else all.push([`${name}, in pieces of 997 bytes`, bytes, 997]);
  };
  for (const size of [0, 1, 125, 126, 127, 128, 255, 1000, 65_534, 65_535, 65_536, 65_537, 130_000, 300_000]) {
    add(`text of ${size} bytes`, text('*'.repeat(size)), goodbye);
    add(`binary of ${size} bytes`, binary(randomBytes(size)), goodbye);
    add(`two messages of ${size} bytes`, binary(randomBytes(size)), binary(randomBytes(size)), goodbye);
    add(
      `${size} bytes in two fragments`,
      binary(randomBytes(size), { isFinal: false }),
      more(randomBytes(size), true),
      goodbye,
    );
    add(
      `${size} bytes in three fragments with a ping between`,
      binary(randomBytes(size), { isFinal: false }),
      ping(),
      more(randomBytes(size), false),
      ping(),
      more(randomBytes(size), true),
      goodbye,
    );
  }
  for (const size of [0, 1, 124, 125]) {
    add(`ping of ${size} bytes`, ping(randomBytes(size)), goodbye);
    add(`pong of ${size} bytes, unasked`, frame({ opcode: 10, payload: randomBytes(size) }), text('x'), goodbye);
  }
  add('ten pings', ...Array.from({ length: 10 }, (_, i) => ping(Buffer.from(`${i}`))), goodbye);
  add('a hundred small messages', ...Array.from({ length: 100 }, (_, i) => text(`${i}`)), goodbye);
  for (const opcode of [1, 2, 0, 8, 9, 10]) {
    for (const rsv of [1, 2, 3, 4, 5, 6, 7])
      add(`rsv ${rsv} on opcode ${opcode}`, text('before'), frame({ opcode, rsv }));
  }
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    add(`opcode ${opcode}`, text('before'), frame({ opcode, payload: Buffer.from('x') }), text('after'));
  }
  for (const opcode of [8, 9, 10]) {
    add(`control opcode ${opcode} in fragments`, frame({ opcode, isFinal: false }));
    for (const size of [126, 200, 70_000])
      add(`control opcode ${opcode} of ${size} bytes`, frame({ opcode, payload: randomBytes(size) }));
  }
  add('a frame without mask', text('before'), text('x', { isMasked: false }));
  add('a continuation of nothing', more(Buffer.from('x'), true));
  add('an unfinished continuation of nothing', more(Buffer.from('x'), false), more(Buffer.from('x'), true));
  add('a new message inside a fragmented one', text('a', { isFinal: false }), text('b'));
  for (const bad of ['ff', 'c0af', 'eda080', 'f4908080', 'ce', 'f0808080', 'fe', '80']) {
    add(`text that is not UTF-8 (${bad})`, text(Buffer.from(`61${bad}`, 'hex')));
    add(
      `fragmented text that is not UTF-8 (${bad})`,
      text('a', { isFinal: false }),
      more(Buffer.from(bad, 'hex'), true),
    );
    add(`close reason that is not UTF-8 (${bad})`, closing(1000, Buffer.from(bad, 'hex')));
  }
  add(
    'UTF-8 cut between fragments',
    text(Buffer.from('ce', 'hex'), { isFinal: false }),
    more(Buffer.from('ba', 'hex'), true),
    goodbye,
  );
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    add(`close with ${code}`, text('before'), closing(code, 'why'));
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535]) {
    add(`close with ${code}, which nobody may send`, closing(code));
  }
  add('close without a code', frame({ opcode: 8 }));
  add('close with half a code', frame({ opcode: 8, payload: Buffer.from([3]) }));
  add('close with the longest reason', closing(1000, 'r'.repeat(123)));
  add('data after the close', goodbye, text('late'), ping());
  return all;
}

interface Outcome {
  messages: string[];
  pongs: string[];
  /** Null when the line was cut without a close frame. */
  closeCode: number | null;
}

/** Sends the bytes on a raw socket after the upgrade, and reads until the line ends. */
async function talk(port: number, path: string, bytes: Buffer, pieceBytes: number): Promise<Outcome> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  const reading = readAll(socket);
  await reading.upgraded;
  for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
    if (!socket.write(bytes.subarray(at, at + pieceBytes))) {
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined);
    }
    if (pieceBytes === 1 && at % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const received = await reading.all;
  socket.destroy();
  return outcomeOf(received);
}

function readAll(socket: Socket) {
  const upgraded = Promise.withResolvers<void>();
  let head = '';
  const chunks: Buffer[] = [];
  const all = new Promise<Buffer>((resolve) => {
    const onEnd = () => resolve(Buffer.concat(chunks));
    const idle = setTimeout(onEnd, 15_000);
    socket.on('close', () => {
      clearTimeout(idle);
      onEnd();
    });
    socket.on('end', () => socket.end());
  });
  socket.on('data', (chunk: Buffer) => {
    if (head.endsWith('\r\n\r\n')) return void chunks.push(chunk);
    const text = head + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    head = end < 0 ? text : text.slice(0, end + 4);
    if (end >= 0) {
      chunks.push(Buffer.from(text.slice(end + 4), 'latin1'));
      upgraded.resolve();
    }
  });
  return { upgraded: upgraded.promise, all };
}

function outcomeOf(bytes: Buffer): Outcome {
  const outcome: Outcome = { messages: [], pongs: [], closeCode: null };
  let fragments: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
    expect(second & 0x80, 'a server sends no masked frames').toBe(0);
    const short = second & 0x7f;
    const size = short === 127 ? 10 : short === 126 ? 4 : 2;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const payload = bytes.subarray(at + size, at + size + length);
    at += size + length;
    const opcode = first & 0x0f;
    if (opcode === 8) outcome.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    else if (opcode === 10) outcome.pongs.push(payload.toString('base64'));
    else if (opcode <= 2) {
      fragments.push(payload);
      if (first & 0x80) {
        outcome.messages.push(Buffer.concat(fragments).toString('base64'));
        fragments = [];
      }
    }
  }
  return outcome;
}

let alone: WebSocketServer;
let relay: Relay;
let relayPort: number;
let ticket: string;
let control: WebSocket;
let office: TicketOffice;

beforeAll(async () => {
  // `ws` answers only so many pings of one turn.
  alone = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  alone.on('connection', echo);
  office = await TicketOffice.open();
  const options = config.parse({
    EASEL_PORT: '0',
    EASEL_SERVER_URL: office.url,
    EASEL_DIALS_PER_SOURCE_PER_SECOND: '10000',
  });
  const parts = { clock: systemClock, log: silentLog };
  const tickets = new Tickets({ serverUrl: options.serverUrl, ...parts });
  relay = new Relay({ config: options, tickets, health: new Health(), metrics: createMetrics('relay'), ...parts });
  relayPort = await relay.listen();
  const environmentId = newId('environment');
  ticket = await office.client({ environmentId });
  const headers = { authorization: `Bearer ${await office.worker({ environmentId })}` };
  const base = `ws://127.0.0.1:${relayPort}`;
  control = new WebSocket(`${base}${RELAY_PATHS.control}`, { headers });
  control.on('message', (data) => {
    const { streamId } = JSON.parse(data.toString());
    echo(new WebSocket(`${base}${RELAY_PATHS.stream}${streamId}`, { headers, perMessageDeflate: false }));
  });
  await once(control, 'open');
});
afterAll(async () => {
  control.terminate();
  alone.close();
  await relay.close(0);
  await office.close();
});

function echo(ws: WebSocket): void {
  ws.on('error', () => undefined);
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
}

describe('frames through the relay', () => {
  const everything = cases();

  it(`makes the same of ${everything.length} cases as the peer alone`, async () => {
    expect(everything.length).toBeGreaterThan(240);
    const { port } = alone.address() as { port: number };
    const differences: string[] = [];
    const queue = [...everything];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [name, bytes, pieceBytes] = next;
        const expected = await talk(port, '/', bytes, pieceBytes);
        const got = await talk(relayPort, `/connect?ticket=${ticket}`, bytes, pieceBytes);
        if (JSON.stringify(got) === JSON.stringify(expected)) continue;
        const brief = ({ messages, pongs, closeCode }: Outcome) => `${messages.length}/${pongs.length}/${closeCode}`;
        differences.push(`${name}: alone ${brief(expected)}, through the relay ${brief(got)}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(differences).toEqual([]);
  }, 120_000);

  it('goes on after all of them', async () => {
    const outcome = await talk(
      relayPort,
      `/connect?ticket=${ticket}`,
      Buffer.concat([text('still here'), goodbye]),
      100,
    );
    expect(outcome).toEqual({ messages: [Buffer.from('still here').toString('base64')], pongs: [], closeCode: 1000 });
  });
});
