/** TCP ports that listen here, from /proc. Source: proc_pid_net(5), include/net/tcp_states.h. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';
/** 127.0.0.11, where Docker's own name server listens in a container's network. */
const dockerDns = '0B00007F:';
/** More than this is no developer's doing. */
const maxPorts = 200;

export interface PortsOptions {
  /** Only ports of processes of this environment, known by its mark: where the network is shared with strangers. */
  ownOnly: boolean;
}

export function listeningPorts({ ownOnly }: PortsOptions): { port: number; process: string | null }[] {
  const inodes = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== listening || fields[1]!.startsWith(dockerDns)) continue;
      const port = Number.parseInt(fields[1]!.split(':')[1]!, 16);
      if (port > 0) inodes.set(fields[9]!, port);
    }
  }
  const names = inodes.size === 0 ? new Map<string, string>() : ownersOf(inodes, ownOnly);
  const ports = new Map<number, string | null>();
  for (const [inode, port] of inodes) {
    const owner = names.get(inode) ?? null;
    if (ownOnly && owner === null) continue;
    ports.set(port, ports.get(port) ?? owner);
  }
  return [...ports]
    .map(([port, name]) => ({ port, process: name }))
    .sort((a, b) => a.port - b.port)
    .slice(0, maxPorts);
}

/** Inode of a socket → name of a process that holds it; with `ownOnly` one that carries our environment's mark. */
function ownersOf(inodes: ReadonlyMap<string, number>, ownOnly: boolean): Map<string, string> {
  const owners = new Map<string, string>();
  const mark = `EASEL_ENVIRONMENT_ID=${process.env.EASEL_ENVIRONMENT_ID ?? ''}\0`;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const held = socketsOf(pid).filter((inode) => inodes.has(inode));
    if (held.length === 0) continue;
    if (ownOnly && !`\0${readText(`/proc/${pid}/environ`)}`.includes(`\0${mark}`)) continue;
    const name = readText(`/proc/${pid}/comm`).trim().slice(0, 200);
    for (const inode of held) owners.set(inode, name);
  }
  return owners;
}

function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    // Another user's, or gone.
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
