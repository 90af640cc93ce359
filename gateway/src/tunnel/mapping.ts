/** `[LOCAL:]REMOTE`, as `easel forward` takes it. */
import { badUsage } from '../failure.ts';

export interface Mapping {
  /** 0 takes any free port. */
  readonly localPort: number;
  readonly remotePort: number;
}

const FORM = /^(?:(\d{1,5}|auto):)?(\d{1,5})$/;

/** Reads a mapping; without LOCAL the local port is the remote one. Throws INVALID_INPUT. */
export function parseMapping(text: string): Mapping {
  const [, local, remote] = FORM.exec(text) ?? [];
  const remotePort = Number(remote);
  const localPort = local === undefined ? remotePort : local === 'auto' ? 0 : Number(local);
  if (remote === undefined || remotePort < 1 || remotePort > 65_535 || localPort > 65_535)
    throw badUsage(
      `expected [LOCAL:]REMOTE like 8080 or 3000:8080 (0:8080 takes any free port), got ${JSON.stringify(text)}`,
    );
  return { localPort, remotePort };
}
