/** Somebody who listens, for suites: a real HTTP server that checks signatures by itself and can be told to misbehave. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard {
  headers: IncomingHttpHeaders;
  body: string;
  event: { type: string; timestamp: string; data: Record<string, unknown> };
}

export type Receiver = Awaited<ReturnType<typeof openReceiver>>;

export async function openReceiver() {
  const heard: Heard[] = [];
  /** How what comes is answered; `heard` has it already. */
  const behaviour: { answer: (response: ServerResponse) => void } = { answer: ok };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      heard.push({ headers: request.headers, body, event: JSON.parse(body) });
      behaviour.answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    place: `127.0.0.1:${port}`,
    heard,
    behaviour,
    types: () => heard.map(({ event }) => event.type),
    reset() {
      heard.length = 0;
      behaviour.answer = ok;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function ok(response: ServerResponse): void {
  response.end('thank you');
}

/** As the guide tells receivers to do it. */
export function isSignedBy(secret: string, { headers, body }: Heard): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', key).update(text).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((signature) => {
      const [version, value = ''] = signature.split(',');
      const given = Buffer.from(value, 'base64');
      return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
    });
}
