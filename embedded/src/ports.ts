import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { z } from 'zod';
import { StartProblem } from './problem.ts';

export interface WantedPort {
  /** Zero takes any free port. */
  port: number;
  option: '--port' | '--ssh-port' | '--relay-port';
}

/** The ports that zeroes became at the last start, in order. */
const portsSchema = z.array(z.number().int().min(1).max(65_535));

/**
 * Gives the ports that were asked for, in order, when all of them are free; zeroes are replaced by free ones. Those are
 * written down in `file` and taken again at the next start where they can be: workers that outlived a killed supervisor, and
 * people's configurations, still dial them.
 */
export async function claimPorts(host: string, wanted: readonly WantedPort[], file: string): Promise<number[]> {
  for (const [index, { port, option }] of wanted.entries()) {
    const twin = wanted.slice(0, index).find((other) => port !== 0 && other.port === port);
    if (twin) throw new StartProblem(`${twin.option} and ${option} are both ${port}: give them different ports.`);
  }
  const last = readPorts(file);
  // Held together until the last is known, so that no free port is given twice.
  const held = await Promise.allSettled(
    wanted.map(async (one, index) => {
      const again = one.port === 0 ? last[index] : undefined;
      return (again && (await hold(host, { ...one, port: again }).catch(() => null))) || hold(host, one);
    }),
  );
  try {
    const ports = held.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value.port;
    });
    writeFileSync(file, JSON.stringify(ports));
    return ports;
  } finally {
    await Promise.all(held.map((outcome) => outcome.status === 'fulfilled' && outcome.value.release()));
  }
}

function readPorts(file: string): number[] {
  try {
    return portsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // The first start, or a file that was cut off: any free ports will do.
    return [];
  }
}

/** A free port of the loopback interface. */
export async function freePort(): Promise<number> {
  const held = await hold('127.0.0.1', { port: 0, option: '--port' });
  await held.release();
  return held.port;
}

async function hold(host: string, { port, option }: WantedPort): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) => reject(explain(err, host, port, option)));
    server.listen(port, host, () => resolve());
  });
  const taken = server.address() as { port: number };
  return { port: taken.port, release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function explain(err: NodeJS.ErrnoException, host: string, port: number, option: string): StartProblem {
  const cause = { cause: err };
  switch (err.code) {
    case 'EADDRINUSE':
      return new StartProblem(
        `port ${port} is taken by another program: stop it, or use ${option} to take another.`,
        cause,
      );
    case 'EACCES':
      return new StartProblem(`this user may not listen on port ${port}: use ${option} to take one above 1023.`, cause);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartProblem(`${host} is not an address of this machine: use --host to name another.`, cause);
    default:
      return new StartProblem(`cannot listen on ${host}, port ${port} (${err.code}): use --host or ${option}.`, cause);
  }
}
