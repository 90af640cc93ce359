/** Holds the sockets of one measurement and counts what comes. Arguments: port, sockets, documents, viewer scopes. */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const [port, sockets, documents, scopes] = process.argv.slice(2).map(Number) as [number, number, number, number];
const environmentFields = `id name version phase desired connectivity reason branch repositoryUrl createdAt startedAt owner viewer
  steps { name number state startedAt durationMs text } resources { cpus memoryBytes diskUsedBytes processes }`;
// Each document asks for the same under another name: as many bytes, other text.
const document = (n: number) => `subscription Live${n} { environmentChanged(id: "env01k9") { ${environmentFields} } }`;
let received = 0;

/** Resolves when the first result, the whole, has come. */
function open(n: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
  // As long as what clients make, so that frames are as long as in life.
  const id = randomUUID();
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { token: `scope${n % scopes}` } })),
    );
    socket.on('message', (data: Buffer) => {
      if (data.includes('connection_ack')) {
        socket.send(
          JSON.stringify({ id, type: 'subscribe', payload: { query: document(Math.floor(n / scopes) % documents) } }),
        );
      } else if (data.includes('"version":0')) resolve();
      else received++;
    });
  });
}

for (let n = 0; n < sockets; n += 50)
  await Promise.all(Array.from({ length: Math.min(50, sockets - n) }, (_, i) => open(n + i)));
process.on('message', () => process.send?.({ type: 'received', received }));
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
