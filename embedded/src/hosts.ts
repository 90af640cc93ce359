import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface Hosts {
  listenHost: string;
  /** What other machines dial. */
  publicHost: string;
  /** What processes of this machine dial. */
  localHost: string;
}

/** The addresses that go with `--host`. Listening on all addresses, the first one that others can reach is shown to people. */
export function hostsFor(host: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): Hosts {
  if (host !== '0.0.0.0' && host !== '::') return { listenHost: host, publicHost: host, localHost: host };
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === 'IPv4' && !address.internal);
  return { listenHost: host, publicHost: outside?.address ?? '127.0.0.1', localHost: '127.0.0.1' };
}
