/** The database of this installation: the one that comes along, unless the caller's environment names another. */
import { join } from 'node:path';
import type { Place } from './place.ts';
import { freePort } from './ports.ts';
import { databaseUrl, packagedPostgres, postgresProgram, prepareCluster } from './postgres.ts';
import { reachableCopy } from './programs.ts';
import type { Runner } from './runner.ts';
import type { Screen } from './screen.ts';
import { type SecretFiles, writePrivate } from './secrets.ts';

/** Gives the file with the database's address, or null when the caller's environment names a database. */
export async function startDatabase(
  place: Place,
  secrets: SecretFiles,
  screen: Screen,
  runner: Runner,
): Promise<string | null> {
  if (process.env.EASEL_DATABASE_URL || process.env.EASEL_DATABASE_URL_FILE) return null;
  return screen.step('PostgreSQL', async () => {
    const users = place.databaseUser ? [place.databaseUser] : [];
    const options = {
      programsDir: reachableCopy(packagedPostgres(), 'postgresql', place.dataDir, users),
      clusterDir: place.clusterDir,
      port: await freePort(),
      passwordFile: secrets['database-password'],
      user: place.databaseUser,
    };
    await prepareCluster(options);
    await runner.start(postgresProgram(options));
    const urlFile = join(place.dataDir, 'secrets/database-url');
    writePrivate(urlFile, databaseUrl(options));
    return urlFile;
  });
}
