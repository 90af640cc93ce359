/**
 * A worker's life: one run of one environment.
 *
 *   waiting ─welcome▶ starting ─▶ running ─stop▶ stopping ─▶ ended
 *      └─stop────┐       └─failure, or stop▶ undoing ──┘
 *                └──────────────────────────────────────▶ ended
 *
 * Who ends it: the server (worker.stop), the platform (SIGTERM), a failure, or the server's refusal, after which another
 * worker may hold the volume, so no script runs and nothing is reported. Whatever ends it and whenever, what was made is
 * taken back, the volume is synced, and the last report is acknowledged if the server is there. If the worker dies without
 * all that, `cleanup.ts` takes back what it left.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Failure } from '@easel/schema/failure';
import { bringUp, type Place } from './bring-up.ts';
import type { Config } from './config.ts';
import { Freezer, thawLeft } from './freeze/freezer.ts';
import { Activity } from './heartbeat/activity.ts';
import { Heart } from './heartbeat/heartbeat.ts';
import { openSession, type Welcome } from './session/session.ts';
import { failureOf } from './steps/failed.ts';
import { createStepRunner } from './steps/runner.ts';
import { Undo } from './steps/undo.ts';
import { runStopScript, syncVolume } from './stop/stop.ts';
import { type StartTunnel, WaysIn } from './ways-in.ts';

export interface StopWish {
  reason: string;
  /** How long things may take to end by themselves. */
  softMs: number;
  /** Nobody listens any more, and another worker may be on the volume. */
  isUnwanted: boolean;
}

export interface Life {
  /** The first wish counts. */
  stop(wish: StopWish): void;
  /** Resolves, never rejects, to the exit code: 0 when the server knows all that there is to know. */
  readonly ended: Promise<number>;
}

/** What a start that failed or was stopped leaves to its processes: nobody has worked in it yet. */
const undoSoftMs = 3_000;
/** What processes get to end by themselves, however far the deadline: one that takes longer does not heed the signal. */
const maxGraceMs = 15_000;
const lastPartMs = 5_000;
/** How long the last words may take to be acknowledged. */
const farewellMs = 10_000;
/** After a refusal: quick, but not a kill. */
const unwantedSoftMs = 5_000;

/** How a run ended. */
type End =
  | { kind: 'stopped'; wish: StopWish; script: { isClean: boolean; text: string } }
  | { kind: 'failed'; failure: Failure };

const NO_SCRIPT = { isClean: true, text: '' };

export function startLife(options: {
  config: Config;
  agentVersion: string;
  loadTunnel: () => Promise<StartTunnel>;
  clock: Clock;
  log: Log;
}): Life {
  const { config, clock, log } = options;
  const stopAsked = Promise.withResolvers<StopWish>();
  const stopping = new AbortController();
  const ending = new AbortController();
  const welcomed = Promise.withResolvers<Welcome>();
  const undo = new Undo({ log, clock });
  const activity = new Activity(clock);
  const waysIn = new WaysIn({
    environmentId: config.EASEL_ENVIRONMENT_ID,
    activity,
    loadTunnel: options.loadTunnel,
    clock,
    log,
  });

  const session = openSession({
    config,
    agentVersion: options.agentVersion,
    clock,
    log,
    handlers: {
      welcome(welcome) {
        heart.pace = welcome.heartbeatSeconds * 1000;
        waysIn.update(welcome);
        welcomed.resolve(welcome);
      },
      stop: ({ reason, deadlineSeconds }) => stop({ reason, softMs: softOf(deadlineSeconds), isUnwanted: false }),
      keys: ({ type: _type, ...news }) => waysIn.updateEntry(news),
      relay: ({ relay }) => waysIn.updateRelay(relay),
      freeze: (command) => freezer.freeze(command),
      thaw: (command) => freezer.thaw(command),
      refused: (reason) => stop({ reason, softMs: unwantedSoftMs, isUnwanted: true }),
    },
  });
  const heart = new Heart({ beat: (heartbeat) => session.beat(heartbeat), activity, clock, log });
  const line = session.log.add.bind(session.log);
  let isUp = false;
  const freezer = new Freezer({
    volumeDir: config.EASEL_VOLUME_DIR,
    report: session.report,
    isBusy: () => !isUp,
    clock,
    log,
  });

  let stopAskedMs = 0;
  const graceOf = (wish: StopWish) =>
    Math.min(maxGraceMs, Math.max(undoSoftMs, wish.softMs - (clock.now() - stopAskedMs)));

  function stop(wish: StopWish): void {
    if (stopping.signal.aborted || ending.signal.aborted) return;
    stopAskedMs = clock.now();
    log.info({ reason: wish.reason, softMs: wish.softMs }, 'stop asked for');
    if (!wish.isUnwanted) session.report({ type: 'worker.stopping', reason: wish.reason.slice(0, 500) });
    stopAsked.resolve(wish);
    stopping.abort(new Error(`stop: ${wish.reason}`));
  }

  /** From the welcome to the moment when everything is to be taken back. */
  async function run({ manifest }: Welcome): Promise<End> {
    const steps = createStepRunner({ report: session.report, line, undo, clock, log, signal: stopping.signal });
    let place: Place;
    try {
      await thawLeft(config.EASEL_VOLUME_DIR);
      place = await bringUp({
        config,
        manifest,
        steps,
        undo,
        events: { report: session.report, line },
        clock,
        log,
        onInside: (inside) => undo.add('ways in', waysIn.open(inside, manifest)),
      });
    } catch (err) {
      if (stopping.signal.aborted) return { kind: 'stopped', wish: await stopAsked.promise, script: NO_SCRIPT };
      const failure = failureOf(err);
      if (failure.class === 'internal') log.error({ err }, 'start failed for a reason of our own');
      return { kind: 'failed', failure };
    }
    sayReady(place);
    isUp = true;
    const failure = await Promise.race([stopAsked.promise.then(() => null), place.runtime.broken, insideLost(place)]);
    // Nothing could be written to what is frozen.
    await freezer.end();
    if (failure) return { kind: 'failed', failure };
    const wish = await stopAsked.promise;
    if (wish.isUnwanted) return { kind: 'stopped', wish, script: NO_SCRIPT };
    const { scripts } = manifest;
    const script = await runStopScript({ place, scripts, line, clock, log, softMs: wish.softMs });
    return { kind: 'stopped', wish, script };
  }

  function sayReady(place: Place): void {
    const { inside, inhabitant, project, runtime, volume, clonePath } = place;
    const { user, home } = inhabitant;
    session.report({ type: 'worker.ready', runtime: runtime.kind, user, home, project, shell: inside.identity.shell });
    heart.watch({
      runtime,
      inside,
      volumeDir: volume.dir,
      clonePath,
      sessions: () => waysIn.sessions,
      visitors: () => waysIn.visitors,
    });
  }

  async function takeBack(softMs: number): Promise<boolean> {
    await freezer.end();
    const { isClean } = await undo.run(softMs);
    return (await syncVolume(config.EASEL_VOLUME_DIR, log)) && isClean;
  }

  /** The last words. Says whether the server has heard them. */
  async function farewell(end: End, isClean: boolean): Promise<boolean> {
    if (end.kind === 'failed') session.report({ type: 'worker.failed', failure: end.failure });
    else if (end.wish.isUnwanted) return true;
    else {
      const { script } = end;
      session.report({ type: 'worker.stopped', isClean: isClean && script.isClean, text: script.text.slice(0, 500) });
    }
    return session.settled(farewellMs);
  }

  async function live(): Promise<number> {
    const first = await Promise.race([welcomed.promise, stopAsked.promise.then(() => null)]);
    if (!first) {
      await session.close();
      return 0;
    }
    const beating = heart.run(ending.signal);
    const end = await run(first);
    const isClean = await takeBack(end.kind === 'failed' ? undoSoftMs : graceOf(end.wish));
    ending.abort();
    await beating;
    const isHeard = await farewell(end, isClean);
    await session.close();
    log.info({ kind: end.kind, isClean, isHeard }, 'worker ended');
    return isHeard || end.kind === 'stopped' ? 0 : 1;
  }

  return { stop, ended: live() };
}

/** Of a deadline after which the server gives the worker up: what must be killed, the disk and the last words come after. */
function softOf(deadlineSeconds: number): number {
  return Math.max(deadlineSeconds * 1000 - lastPartMs, deadlineSeconds * 500);
}

function insideLost(place: Place): Promise<Failure> {
  return place.inside.ended.then(({ reason }) =>
    failureOf(new Error(`the helper inside cannot be kept up: ${reason}`)),
  );
}
