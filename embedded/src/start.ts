/** The way up, in order: place, ports, secrets, then database, build and sample side by side, then the services. */
import { join } from 'node:path';
import { openInBrowser } from './browser.ts';
import { build } from './building/build.ts';
import { BUILD_STEPS } from './building/steps.ts';
import { startDatabase } from './database.ts';
import { watchSources } from './dev.ts';
import { hostsFor } from './hosts.ts';
import type { StartOptions } from './options.mjs';
import { type Place, takePlace } from './place.ts';
import { claimPorts, type WantedPort } from './ports.ts';
import { reachableCopy } from './programs.ts';
import { createRunner, type Runner } from './runner.ts';
import { chooseRuntime } from './runtime.ts';
import { keepSampleImage } from './sample/image.ts';
import { keepSampleRepository } from './sample/repository.ts';
import type { Screen } from './screen.ts';
import { keepSecrets } from './secrets.ts';
import { databaseVariables, type Installation, nodeProgram, type ServiceName, serviceVariables } from './services.ts';
import type { Session } from './session.ts';
import type { Ready } from './summary.ts';
import type { Supervised } from './supervised.ts';
import { findWorkers, killWorkers, stopWorkers } from './workers.ts';

/** How long workers have for their stop scripts: as long as the scheduler gives them. */
const workerStopMs = 45_000;

/** Resolves when people can work. Throws StartProblem with one sentence when they cannot. */
export async function startEverything(options: StartOptions, screen: Screen, session: Session): Promise<Ready> {
  const { signal } = session.stop;
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
    build(checkout, BUILD_STEPS, screen, signal),
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
  const { services, announced } = await startServices(installation, screen, runner);
  // Added last, so it runs first: the server still records how each environment stopped.
  session.stop.add('workers', () => stopWorkers({ checkout, dataDir, softMs: workerStopMs, screen }));
  if (options.dev) watchSources({ checkout, services, screen, signal });
  const url = String(announced.url);
  const signInUrl = typeof announced.signInUrl === 'string' ? announced.signInUrl : null;
  if (options.open) openInBrowser(signInUrl ?? url);
  return { installation, url, signInUrl, ...choice };
}

/** The server first, then the rest side by side. Gives what the server announced. */
async function startServices(
  installation: Installation,
  screen: Screen,
  runner: Runner,
): Promise<{ services: Record<ServiceName, Supervised>; announced: Record<string, unknown> }> {
  const variables = serviceVariables(installation);
  const start = (name: ServiceName) =>
    runner.start(nodeProgram(name, `${name}/src/main.ts`, variables[name], installation));
  await screen.step('database tables', () =>
    runner.finish(nodeProgram('migrate', 'server/src/migrate.ts', databaseVariables(installation), installation)),
  );
  const { process: server, announced } = await screen.step('server', () => start('server'));
  const [scheduler, relay, jump] = await screen.step('scheduler, relay, jump', () =>
    allOf([start('scheduler'), start('relay'), start('jump')]),
  );
  const services = { server, scheduler: scheduler.process, relay: relay.process, jump: jump.process };
  return { services, announced };
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
