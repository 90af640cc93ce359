/** The start of an environment, step by step. What it makes is on the undo list; it throws where it cannot go on. */
import { realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { Config } from './config.ts';
import { machineEnv } from './config.ts';
import { createRuntime } from './containers/create-runtime.ts';
import type { OwnDockerd } from './containers/dockerd/own-dockerd.ts';
import type { Inhabitant, Runtime, RuntimeEvents } from './containers/runtime.ts';
import { makeSocketDir, removeSocketDirs } from './containers/socket-dir.ts';
import { type Inside, startInside } from './inside/client.ts';
import { helperCommand } from './inside/pack/layout.ts';
import { keepInside } from './inside-keeper.ts';
import { provideSources } from './sources/clone.ts';
import { Failed } from './steps/failed.ts';
import { runHooks } from './steps/hooks.ts';
import { awaitIde } from './steps/ide.ts';
import type { StepContext, StepRunner } from './steps/runner.ts';
import type { Undo } from './steps/undo.ts';
import { Volume } from './volume.ts';

/** An environment that is up. */
export interface Place {
  runtime: Runtime;
  inside: Inside;
  volume: Volume;
  inhabitant: Inhabitant;
  /** The clone, as the inside sees it. */
  clonePath: string;
  /** The project's root, as the inside sees it. */
  project: string;
  /** What every process of a person inside starts with. */
  env: Readonly<Record<string, string>>;
  /** The same for somebody with whom the environment is shared. */
  guestEnv: Readonly<Record<string, string>>;
}

export interface BringUpOptions {
  config: Config;
  manifest: Manifest;
  steps: StepRunner;
  undo: Undo;
  events: RuntimeEvents;
  clock: Clock;
  log: Log;
  /** Called once the inside is up, before the scripts run: people's ways in may be opened. */
  onInside: (place: Place) => void;
}

export async function bringUp(options: BringUpOptions): Promise<Place> {
  const { config, manifest, steps, clock } = options;
  const { limits } = manifest;
  const volume = new Volume(config.EASEL_VOLUME_DIR);
  removeSocketDirs(config.EASEL_ENVIRONMENT_ID);
  const socketDir = makeSocketDir(config.EASEL_ENVIRONMENT_ID);
  options.undo.add('sockets', async () => {
    rmSync(socketDir, { recursive: true, force: true });
    return { isClean: true };
  });
  const dockerd = await ownDockerd(options);
  const runtime = await createRuntime({
    config,
    manifest,
    dockerd,
    volume,
    socketDir,
    packDir: packDir(config.EASEL_INSIDE_DIR),
    events: options.events,
    clock,
    log: options.log,
  });

  const { prepareImages } = runtime;
  if (prepareImages) {
    const work = async (context: StepContext) => ({ value: undefined, text: await prepareImages(context) });
    await steps.run('image', limits.imageSeconds * 1000, work);
  } else steps.skip('image', 'Plain processes need no image.');

  const inhabitant = await steps.run('volume', limits.containersSeconds * 1000, async (context) => {
    volume.prepare();
    return { value: await runtime.moveIn(context), text: 'The volume is ready.' };
  });

  const directory = await steps.run('sources', limits.sourcesSeconds * 1000, (context) =>
    provideSources({ manifest, volume, runtime, inhabitant, machineEnv: machineEnv(config) }, context),
  );

  const inside = await steps.run('containers', limits.containersSeconds * 1000, async (context) => {
    await runtime.start(context);
    return {
      value: await openInside(runtime, socketDir, options),
      text: `Everything inside runs as ${inhabitant.user}.`,
    };
  });

  const place = describe({ manifest, runtime, inside, volume, inhabitant, directory });
  options.onInside(place);
  await finish(place, options);
  return place;
}

/** Starts it where there is to be one; the step `image` waits for it. Ends after everything that is made from here on. */
async function ownDockerd({ config, undo, events, clock, log }: BringUpOptions): Promise<OwnDockerd | null> {
  if (config.EASEL_DOCKERD !== 'own') return null;
  const { startOwnDockerd } = await import('./containers/dockerd/own-dockerd.ts');
  const volumeDir = config.EASEL_VOLUME_DIR;
  const dockerd = await startOwnDockerd({ config, volumeDir, line: events.line, clock, log });
  undo.add('docker daemon', (softMs) => dockerd.end(softMs));
  return dockerd;
}

async function finish(place: Place, options: BringUpOptions): Promise<void> {
  const { manifest, steps, clock } = options;
  const { scripts, idePort } = manifest;
  if (scripts.init || scripts.start) {
    const { volume, inside, project: cwd, env } = place;
    await steps.run('hooks', null, (context) => runHooks({ scripts, volume, inside, cwd, env, clock }, context));
  } else steps.skip('hooks', 'The template has no init and no start script.');
  if (idePort === null) return steps.skip('ide', 'The template names no IDE port.');
  await steps.run('ide', null, (context) => awaitIde({ port: idePort, inside: place.inside, clock }, context));
}

function describe(parts: {
  manifest: Manifest;
  runtime: Runtime;
  inside: Inside;
  volume: Volume;
  inhabitant: Inhabitant;
  directory: string;
}): Place {
  const { manifest, inhabitant, directory, ...rest } = parts;
  const clonePath = join(inhabitant.home, directory);
  const project = join(clonePath, manifest.projectRoot);
  const guestEnv = {
    EASEL_ENVIRONMENT: manifest.environmentName,
    EASEL_ENVIRONMENT_ID: manifest.environmentId,
    EASEL_PROJECT: project,
  };
  return { ...rest, inhabitant, clonePath, project, guestEnv, env: { ...manifest.env, ...guestEnv } };
}

/** Starts the helper and keeps it. Throws `Failed` (containers). */
async function openInside(runtime: Runtime, socketDir: string, options: BringUpOptions): Promise<Inside> {
  const { undo, clock, log } = options;
  const { insidePaths } = runtime;
  const start = () =>
    startInside({
      socketDir,
      insideSocketDir: insidePaths.socketDir,
      // Plain processes share the machine's network with everybody else.
      ownPortsOnly: runtime.kind === 'process',
      start: (argv, stdin) => runtime.startHelper([...helperCommand(insidePaths.packDir), ...argv], stdin),
      log,
    });
  try {
    const inside = await keepInside({ start, clock, log });
    undo.add('inside', async () => {
      await inside.close();
      return { isClean: true };
    });
    return inside;
  } catch (err) {
    if (err instanceof Failed) throw err;
    const message = `The helper inside the environment did not start: ${(err as Error).message}`;
    throw new Failed({ class: 'containers', message }, err);
  }
}

/** Resolved now: a newer build puts another pack behind the same link. */
function packDir(configured: string): string {
  try {
    return realpathSync(configured);
  } catch (err) {
    const message = 'The pack of programs that goes into environments is not built on this machine.';
    const advice = 'Ask an administrator to run: npm run build -w @easel/worker-agent';
    throw new Failed({ class: 'platform', message, advice }, err);
  }
}
