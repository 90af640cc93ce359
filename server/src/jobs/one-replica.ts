import type pg from 'pg';

/**
 * Calls `work` on one replica at a time: whoever gets the advisory lock of this name now; on the others the turn is over at
 * once. The lock lives as long as a transaction of its own connection, so it is let go whatever happens to this process; if
 * PostgreSQL ends that transaction early, two replicas may work at the same time, which every job here bears.
 */
export async function onOneReplica(
  pool: Pick<pg.Pool, 'connect'>,
  name: string,
  work: () => Promise<void>,
): Promise<boolean> {
  const client = await pool.connect();
  let failure: Error | undefined;
  // A connection that breaks while the work goes on elsewhere must not end the process.
  const onError = (err: Error) => {
    failure = err;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ isMine: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS "isMine"`,
      [`easel/${name}`],
    );
    const isMine = rows[0]?.isMine ?? false;
    if (isMine) await work();
    if (!failure) await client.query('COMMIT');
    return isMine;
  } catch (err) {
    // Its transaction may be open still: such a connection is not given back.
    failure ??= err as Error;
    throw err;
  } finally {
    client.off('error', onError);
    client.release(failure);
  }
}
