/** The n-th worker's ids, and what it says of itself. */
const numbered = (prefix: string, n: number) => `${prefix}${String(n).padStart(26, '0')}`;

export const environmentIdOf = (n: number) => numbered('env', n);
export const workerIdOf = (n: number) => numbered('wrk', n);

/** A beat as a running environment sends it: numbers that change, two repositories, four ports. */
export function beat(n: number) {
  const at = new Date().toISOString();
  const git = (path: string) => ({ path, branch: 'main', commit: 'a3f1'.repeat(10), uncommitted: n % 5, unpushed: 0 });
  return {
    at,
    activity: { lastActiveAt: at, sources: ['ssh', 'cpu'] },
    resources: {
      cpus: Math.random() * 2,
      memoryBytes: 800_000_000 + Math.floor(Math.random() * 1e6),
      memoryLimitBytes: 4_294_967_296,
      diskUsedBytes: 4_000_000_000 + Math.floor(Math.random() * 1e6),
      diskTotalBytes: 21_474_836_480,
      processes: 30 + (n % 10),
    },
    git: [git('web-shop'), git('libraries/ui')],
    ports: [3000, 5432, 8080, 9229].map((port) => ({ port, process: 'node' })),
    sessions: { ssh: 1, port: 2 },
  };
}

export const beatText = (n: number) => JSON.stringify({ type: 'worker.heartbeat', ...beat(n) });
