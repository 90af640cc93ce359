import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { splice } from './splice.ts';

const data = randomBytes(5_000_000);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A client whose connection is spliced with one to `serve`. */
async function through(serve: (socket: Socket) => void): Promise<Socket> {
  const listen = async (onSocket: (socket: Socket) => void) => {
    const server = createServer({ allowHalfOpen: true }, onSocket);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const service = await listen((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  const proxy = await listen((socket) =>
    splice(socket, connect({ port: service, host: '127.0.0.1', allowHalfOpen: true })),
  );
  const client = connect({ port: proxy, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  return client;
}

it('lets one side go on after the other has ended', async () => {
  const client = await through(async (socket) => void socket.end(await buffer(socket)));
  client.end(data);
  expect((await buffer(client)).equals(data)).toBe(true);
});

it('delivers all that a side said before it closed, though the other one is slow', async () => {
  const client = await through((socket) => void socket.end(data, () => socket.destroy()));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await buffer(client)).equals(data)).toBe(true);
});

it('lets go of a side that talks on when nobody listens', async () => {
  const client = await through((socket) => void socket.end('bye', () => socket.destroy()));
  const closed = new Promise((resolve) => client.once('close', resolve));
  const talking = setInterval(() => client.write('more'), 20);
  client.resume();
  await closed;
  clearInterval(talking);
});

it('cuts the other side when one breaks off', async () => {
  const client = await through((socket) => setTimeout(() => socket.resetAndDestroy(), 50));
  await new Promise((resolve) => client.once('end', resolve).resume());
});
