/** What a load balancer does where a cluster has none: a port of this machine that leads to wherever it is told to. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface PortForward {
  readonly port: number;
  /** New connections go there from now on; before, and with null, they end at once. */
  leadTo(target: { host: string; port: number } | null): void;
  stop(): Promise<void>;
}

export async function startPortForward(host: string): Promise<PortForward> {
  let target: { host: string; port: number } | null = null;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (!target) {
      client.destroy();
      return;
    }
    const there = connect({ ...target, allowHalfOpen: true });
    for (const [socket, other] of [
      [client, there],
      [there, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => open.delete(socket));
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(next) {
      target = next;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
