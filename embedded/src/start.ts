/** The way up, in order: place, ports, secrets, then database, build and sample side by side, then the services. */
import { join } from 'node:path';
import { openInBrowser } from './browser.ts';
import { build } from './building/build.ts';
import { BUILD_STEPS } from './building/steps.ts';
import { hostsFor } from './hosts.ts';
import type { StartOptions } from './options.mjs';
import { type Place, takePlace } from './place.ts';
import { claimPorts, freePort, type WantedPort } from './ports.ts';
import { databaseUrl, packagedPostgres, postgresProgram, prepareCluster } from './postgres.ts';
import { reachableCopy } from './programs.ts';
import { createRunner, type Runner } from './runner.ts';
import { chooseRuntime } from './runtime.ts';
import { keepSampleImage } from './sample/image.ts';
import { keepSampleRepository } from './sample/repository.ts';
import type { Screen } from './screen.ts';
import { keepSecrets, type SecretFiles, writePrivate } from './secrets.ts';
import { databaseVariables, type Installation, nodeProgram, serviceVariables } from './services.ts';
import type { Session } from './session.ts';
import type { Ready } from './summary.ts';
import { findWorkers, killWorkers, stopWorkers } from './workers.ts';

/** How long workers have for their stop scripts. */
const workerStopMs = 45_000;

/** Resolves when people can work. Throws StartProblem with one sentence when they cannot. */
export async function startEverything(options: StartOptions, screen: Screen, session: Session): Promise<Ready> {
  const place = await takePlace(options, screen, session);
  const { checkout, dataDir } = place;
  const wanted: WantedPort[] = [
    { port: options.port, option: '--port' },
    { port: options.sshPort, option: '--ssh-port' },
    { port: options.relayPort, option: '--relay-port' },
  ];
  const [server = 0, ssh = 0, relay = 0] = await claimPorts(options.host, wanted, join(dataDir, 'ports.json'));
  const choice = await chooseRuntime(options.runtime);
  const secrets = keepSecrets(join(dataDir, 'secrets'));
  const runner = createRunner(dataDir, screen, session);
  endWorkersLast(place, screen, session);
  const [databaseUrlFile, image] = await allOf([
    startDatabase(place, secrets, screen, runner),
    choice.runtime === 'docker' ? keepSampleImage(screen) : null,
    build(checkout, BUILD_STEPS, screen, session.stop.signal),
  ]);
  const installation: Installation = {
    checkout,
    dataDir,
    ...hostsFor(options.host),
    ports: { server, ssh, relay },
    secrets,
    databaseUrlFile,
    runtime: options.runtime,
    insideDir: insideDir(place),
    localUser: place.localUser?.name ?? null,
    sample: { repositoryUrl: keepSampleRepository(dataDir), image },
    isVerbose: options.verbose,
  };
  const announced = await startServices(installation, screen, session, runner);
  const url = String(announced.url);
  const signInUrl = typeof announced.signInUrl === 'string' ? announced.signInUrl : null;
  if (options.open) openInBrowser(signInUrl ?? url);
  return { installation, url, signInUrl, ...choice };
}

/** Gives the file with the database's address, or null when the caller's environment names a database. */
async function startDatabase(
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

/** The server first, then the rest side by side. Gives what the server announced. */
async function startServices(
  installation: Installation,
  screen: Screen,
  session: Session,
  runner: Runner,
): Promise<Record<string, unknown>> {
  const variables = serviceVariables(installation);
  const program = (name: keyof typeof variables) =>
    nodeProgram(name, `${name}/src/main.ts`, variables[name], installation);
  await screen.step('database tables', () =>
    runner.finish(nodeProgram('migrate', 'server/src/migrate.ts', databaseVariables(installation), installation)),
  );
  const server = await screen.step('server', () => runner.start(program('server')));
  await screen.step('scheduler, relay, jump', () =>
    allOf([runner.start(program('scheduler')), runner.start(program('relay')), runner.start(program('jump'))]),
  );
  // Added last, so it runs first: the server still records how each environment stopped.
  session.stop.add('workers', () => stopWorkers({ ...installation, softMs: workerStopMs, screen }));
  return server.announced;
}

/** Whatever point the start has reached when it is stopped, in the end no worker is left: not even an adopted one. */
function endWorkersLast({ checkout, dataDir }: Place, screen: Screen, session: Session): void {
  session.stop.add('left workers', () => stopWorkers({ checkout, dataDir, softMs: workerStopMs, screen }));
  session.onHardEnd(() => killWorkers(checkout, findWorkers(dataDir)));
}

function insideDir({ checkout, dataDir, localUser }: Place): string {
  return reachableCopy(join(checkout, 'worker-agent/dist/inside'), 'inside', dataDir, localUser ? [localUser] : []);
}

/** All results, or the first problem, but not before all are over: what is under way is never left behind. */
async function allOf<T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return Promise.all(work);
}
