/** Where this installation lives, and as whom its parts run: taken, locked, and emptied when that was asked for. */
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { chooseDataFolder, emptyDataFolder, prepareDataFolder } from './data-folder.ts';
import { lockDataFolder } from './lock.ts';
import type { StartOptions } from './options.mjs';
import { endOrphans } from './orphans.ts';
import { StartProblem } from './problem.ts';
import type { Screen } from './screen.ts';
import type { Session } from './session.ts';
import { type LocalUser, systemUser } from './users.ts';
import { eraseAll, findWorkers, stopWorkers } from './workers.ts';

export interface Place {
  checkout: string;
  dataDir: string;
  clusterDir: string;
  /** Whom PostgreSQL and plain-process environments run as when root starts Easel; null is the caller. */
  databaseUser: LocalUser | null;
  localUser: LocalUser | null;
}

/** Takes the data folder for this process, ends what an earlier one left behind, and resets it if asked. Throws StartProblem. */
export async function takePlace(options: StartOptions, screen: Screen, session: Session): Promise<Place> {
  const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
  const isRoot = process.getuid?.() === 0;
  const systemUserOf = (name: string) => systemUser(name, (text) => screen.line(text));
  const databaseUser = isRoot && !process.env.EASEL_DATABASE_URL ? systemUserOf('postgres') : null;
  const localUser = isRoot ? systemUserOf('easel') : null;
  const users = [databaseUser, localUser].filter((user) => user !== null);
  const { dataDir, notice } = chooseDataFolder(checkout, options.data, users);
  if (notice) screen.line(notice);
  prepareDataFolder(dataDir, users);
  const lock = await lockDataFolder(dataDir);
  session.stop.add('lock', () => lock.release());
  const place = { checkout, dataDir, clusterDir: join(dataDir, 'postgres'), databaseUser, localUser };
  await endOrphans(dataDir, place.clusterDir, screen);
  if (options.reset) await reset(place, options, screen);
  return place;
}

async function reset({ checkout, dataDir }: Place, options: StartOptions, screen: Screen): Promise<void> {
  if (process.env.EASEL_DATABASE_URL) {
    throw new StartProblem(
      '--reset does not empty the database of EASEL_DATABASE_URL: empty it yourself, then delete the data folder.',
    );
  }
  if (!options.yes) await confirm(`Delete all environments and all data in ${dataDir}? Type "yes": `);
  await screen.step('deleting everything', async () => {
    if (findWorkers(dataDir).length > 0) await stopWorkers({ checkout, dataDir, softMs: 2_000, screen });
    await eraseAll(checkout, dataDir);
    emptyDataFolder(dataDir);
  });
}

async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new StartProblem('--reset deletes everything: add --yes to say that you mean it.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question);
  terminal.close();
  if (answer.trim() !== 'yes') throw new StartProblem('nothing was deleted.');
}
