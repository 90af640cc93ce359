/** The peer of the relay: a TCP pipe in Node.js, as short as it can be. `TARGET_PORT` is where each connection goes. */
import { type AddressInfo, connect, createServer } from 'node:net';

const target = Number(process.env.TARGET_PORT);
const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const worker = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  client.pipe(worker).pipe(client);
  client.on('error', () => worker.destroy());
  worker.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
