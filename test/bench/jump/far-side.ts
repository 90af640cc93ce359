/**
 * What a jump talks to, in one process that is not under test: the API that knows one key, and a relay with its workers. A
 * stream for `publickey` goes to the SSH server at TARGET_PORT; one for `ticket` to an SSH side of ssh2, as a worker has.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { streamSocket } from '@easel/kit/stream-socket';
import { newId } from '@easel/schema/ids';
import { WebSocketServer } from 'ws';
import { ShellServer } from '../../kit/shell-server.ts';

const targetPort = Number(process.env.TARGET_PORT);
const environmentId = newId('environment');
const userId = newId('user');
const shells = new ShellServer();

const server = createServer(async (req, res) => {
  const { variables } = (await json(req)) as { variables: { input: { environment?: string } } };
  const { environment } = variables.input;
  const { port } = server.address() as AddressInfo;
  const authorizeSsh = {
    __typename: 'SshGrant',
    userId,
    environmentId,
    environmentName: 'web',
    phase: 'running',
    relayUrl: `http://127.0.0.1:${port}`,
    ticket: environment === undefined ? 'ticket' : 'publickey',
  };
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: { authorizeSsh } }));
});
server.keepAliveTimeout = 60_000;

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws, req) => {
  const stream = streamSocket(ws);
  stream.on('error', () => undefined);
  if (req.headers.authorization?.endsWith('ticket')) return shells.serve(stream);
  const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  target.on('error', () => stream.destroy());
  stream.on('close', () => target.destroy());
  return stream.pipe(target).pipe(stream);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
process.on('disconnect', () => process.exit());
