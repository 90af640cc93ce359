/** The dev container in Docker: pulled, started from an image as it is, with its sidecars in its network, and ended. */
import { lchown, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { type Failure, failure } from '@easel/schema/failure';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { ContainerCreateOptions } from 'dockerode';
import { z } from 'zod';
import { gitConfigOf } from '../../sources/git-author.ts';
import { Failed } from '../../steps/failed.ts';
import type { StepContext } from '../../steps/runner.ts';
import type { Volume } from '../../volume.ts';
import type { OwnDockerd } from '../dockerd/own-dockerd.ts';
import { ownTree } from '../own-tree.ts';
import type { HelperProcess, Inhabitant, Runtime, RuntimeEvents, Usage } from '../runtime.ts';
import { Box } from './box.ts';
import { type Docker, dockerFailure, openDocker } from './daemon.ts';
import { startHelperIn } from './helper.ts';
import { inspectImage, provideImage } from './image.ts';
import { launch } from './launch.ts';
import { removeContainers } from './leftovers.ts';
import { moveIn, takeOver } from './programs.ts';
import { readRegistryCredentials } from './registry-credentials.ts';
import { PACK_INSIDE, type RunOnce, runOnce, VOLUME_INSIDE } from './run-once.ts';
import { DEV, devSpec, giftedEnv, type PlatformGifts, SOCKETS_INSIDE, sidecarSpec } from './specs.ts';
import { usageOf } from './usage.ts';

/** Where neither the template nor the installation names one: a plain Debian with git, compilers and the usual tools. */
const defaultImage = 'buildpack-deps:bookworm';
/** As Docker itself gives: a main process that knows no SIGTERM is not worth waiting longer for. */
const sidecarGraceMs = 10_000;

/** What `moveIn` writes. */
const inhabitantSchema = z.object({
  user: z.string().max(100),
  uid: z.number().int().min(0),
  gid: z.number().int().min(0),
  home: z
    .string()
    .regex(/^\/[^\0]+$/)
    .max(1000),
});

export class DockerRuntime implements Runtime {
  readonly kind = 'docker';
  readonly insidePaths = { packDir: PACK_INSIDE, socketDir: SOCKETS_INSIDE };
  readonly broken: Promise<Failure>;
  readonly #break: (failure: Failure) => void;
  readonly #docker: Docker;
  readonly #manifest: Manifest;
  readonly #volume: Volume;
  readonly #packDir: string;
  readonly #socketDir: string;
  readonly #dockerd: OwnDockerd | null;
  readonly #gifts: PlatformGifts;
  readonly #credentialsDir: string | undefined;
  readonly #events: RuntimeEvents;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #boxes: Box[] = [];
  #isEnding = false;
  #image: { name: string; id: string; env: Readonly<Record<string, string>>; userSpec: string } | null = null;
  #inhabitant: Inhabitant | null = null;
  /** False where the daemon gives other numbers to users than it shows inside. */
  #mayOwn = false;

  constructor(options: {
    manifest: Manifest;
    volume: Volume;
    packDir: string;
    socketDir: string;
    dockerHost: string | undefined;
    /** The daemon, where it is ours to wait for. */
    dockerd: OwnDockerd | null;
    gifts: PlatformGifts;
    /** Where sign-ins for registries lie. */
    credentialsDir: string | undefined;
    events: RuntimeEvents;
    clock: Clock;
    log: Log;
  }) {
    const { promise, resolve } = Promise.withResolvers<Failure>();
    this.broken = promise;
    this.#break = resolve;
    this.#docker = openDocker(options.dockerHost);
    this.#manifest = options.manifest;
    this.#volume = options.volume;
    this.#packDir = options.packDir;
    this.#socketDir = options.socketDir;
    this.#dockerd = options.dockerd;
    void this.#dockerd?.broken.then(this.#break);
    this.#gifts = options.gifts;
    this.#credentialsDir = options.credentialsDir;
    this.#events = options.events;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  readonly prepareImages = async (context: StepContext): Promise<string> => {
    const { sidecars } = this.#manifest;
    const image = this.#manifest.image ?? defaultImage;
    await this.#dockerd?.ready(context);
    await this.#lookAtDaemon();
    const signIns = readRegistryCredentials(this.#credentialsDir, this.#log);
    let pulled = 0;
    for (const name of new Set([image, ...sidecars.map((sidecar) => sidecar.image)])) {
      if (await provideImage(this.#docker, name, signIns, context)) pulled++;
    }
    const info = await inspectImage(this.#docker, image);
    if (!info) throw new Failed({ class: 'image', message: `The image ${image} went away after it was pulled.` });
    const env = Object.fromEntries((info.Config.Env ?? []).map(splitVariable));
    this.#image = { name: image, id: info.Id, env, userSpec: info.Config.User ?? '' };
    return pulled === 0 ? `${image} is present.` : `${image} is pulled.`;
  };

  async moveIn(context: StepContext): Promise<Inhabitant> {
    const image = this.#ownImage();
    await this.#removeLeftovers();
    const mark = this.#volume.read('home');
    if (mark?.imageId !== image.id) {
      const text = await runOnce(this.#docker, this.#once(context.signal), moveIn, {
        userSpec: image.userSpec,
        target: `${VOLUME_INSIDE}/home`,
        staging: `${VOLUME_INSIDE}/.easel/home`,
        isFresh: mark === null,
        files: { '.gitconfig': gitConfigOf(this.#manifest.owner) },
        formerUid: mark?.uid ?? null,
      });
      const inhabitant = inhabitantSchema.parse(JSON.parse(text));
      await this.#volume.write('image', { name: image.name });
      await this.#volume.write('home', { ...inhabitant, imageId: image.id });
      this.#inhabitant = inhabitant;
    } else this.#inhabitant = mark;
    return this.#inhabitant;
  }

  async handOver(folder: string, target: string): Promise<void> {
    const { uid, gid } = this.#who();
    if (this.#mayOwn) {
      await ownTree(folder, { uid, gid });
      await rename(folder, join(this.#volume.home, target));
      return;
    }
    const from = join(VOLUME_INSIDE, relative(this.#volume.dir, folder));
    const to = join(VOLUME_INSIDE, 'home', target);
    const { signal } = new AbortController();
    await runOnce(this.#docker, this.#once(signal), takeOver, { from, to, uid, gid });
  }

  async start(context: StepContext): Promise<void> {
    const { sidecars } = this.#manifest;
    context.undo.add('containers', (softMs) => this.end(softMs));
    if (this.#mayOwn) await lchown(this.#socketDir, this.#who().uid, this.#who().gid);
    await this.#startDev(context);
    for (const sidecar of sidecars) {
      context.progress(null, `Starting ${sidecar.name}.`);
      await this.#startBox(sidecar.name, sidecarSpec(this.#manifest, sidecar, this.#gifts), context.signal);
    }
  }

  startHelper(command: string[], stdin: string): Promise<HelperProcess> {
    const box = this.#boxes.find(({ name }) => name === DEV);
    if (!box) throw new Error('the dev container has not been started');
    const imageEnv = { ...this.#ownImage().env, ...giftedEnv(this.#gifts, this.#manifest) };
    const inhabitant = this.#who();
    return startHelperIn({ docker: this.#docker, box, command, stdin, inhabitant, imageEnv, log: this.#log });
  }

  usage(): Promise<Usage | null> {
    return usageOf(this.#boxes);
  }

  async end(softMs: number): Promise<{ isClean: boolean }> {
    this.#isEnding = true;
    const [dev, ...sidecars] = this.#boxes;
    const outcomes = [
      dev ? await dev.stop(softMs) : true,
      ...(await Promise.all(sidecars.map((sidecar) => sidecar.stop(Math.min(softMs, sidecarGraceMs))))),
    ];
    await removeContainers(this.#docker, this.#manifest.environmentId);
    for (const box of this.#boxes) await box.remove();
    return { isClean: outcomes.every(Boolean) };
  }

  async #startDev(context: StepContext): Promise<void> {
    const image = this.#ownImage();
    const spec = devSpec({
      manifest: this.#manifest,
      image: image.name,
      inhabitant: this.#who(),
      homeDir: this.#volume.home,
      packDir: this.#packDir,
      socketDir: this.#socketDir,
      gifts: this.#gifts,
    });
    await this.#startBox(DEV, spec, context.signal);
  }

  async #startBox(name: string, spec: ContainerCreateOptions, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const image = spec.Image ?? '';
    const container = await launch(this.#docker, name, spec);
    const box = new Box({
      docker: this.#docker,
      container,
      name,
      clock: this.#clock,
      log: this.#log,
      tell: (stream, text) => this.#events.line(`container:${name}`, stream, text),
    });
    this.#boxes.push(box);
    this.#events.report({ type: 'container.started', name, image });
    void box.ended.then(({ exitCode, text }) => this.#onEnd(name, exitCode, text));
    signal.throwIfAborted();
  }

  #onEnd(name: string, exitCode: number | null, text: string): void {
    this.#events.report({ type: 'container.ended', name, exitCode, text: text.slice(0, 500) });
    if (this.#isEnding || name !== DEV) return;
    this.#break(
      failure({
        class: 'containers',
        message: `The dev container ended though nobody asked for it. ${text}`,
        exitCode,
      }),
    );
  }

  async #removeLeftovers(): Promise<void> {
    const count = await removeContainers(this.#docker, this.#manifest.environmentId).catch((err: unknown) => {
      throw dockerFailure('The containers of an earlier start cannot be removed', err);
    });
    if (count > 0) this.#log.warn({ count }, 'removed containers of an earlier start');
  }

  async #lookAtDaemon(): Promise<void> {
    try {
      const info = (await this.#docker.info()) as { SecurityOptions?: string[] };
      const isRemapped = (info.SecurityOptions ?? []).some((option) => /name=(userns|rootless)/.test(option));
      this.#mayOwn = process.getuid?.() === 0 && !isRemapped;
    } catch (err) {
      throw dockerFailure('The environment cannot be started', err, 'platform');
    }
  }

  #once(signal: AbortSignal): RunOnce {
    return {
      environmentId: this.#manifest.environmentId,
      image: this.#ownImage().name,
      packDir: this.#packDir,
      volumeDir: this.#volume.dir,
      signal,
    };
  }

  #ownImage() {
    if (!this.#image) throw new Error('the image has not been looked at yet');
    return this.#image;
  }

  #who(): Inhabitant {
    if (!this.#inhabitant) throw new Error('nobody has moved in yet');
    return this.#inhabitant;
  }
}

function splitVariable(variable: string): [name: string, value: string] {
  const equals = variable.indexOf('=');
  return equals < 0 ? [variable, ''] : [variable.slice(0, equals), variable.slice(equals + 1)];
}
