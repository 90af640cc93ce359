/**
 * How any of our processes lives: parse the configuration, start, say so, stop in order.
 *
 * SIGTERM or SIGINT: `/readyz` turns false, the closers run in reverse order, exit 0. A second signal exits at once. An
 * unhandled rejection is a bug: it is logged and the process exits with 1, for its supervisor to start afresh. Started by
 * the embedded supervisor there is an IPC channel: the process tells it when it is ready, and, with
 * EASEL_EXIT_WITH_PARENT=1, stops when the supervisor dies.
 */
import { z } from 'zod';
import { type Clock, systemClock } from './clock.ts';
import { ConfigError, type Env, readConfig } from './config.ts';
import { Health } from './health.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { Stop } from './stop.ts';

/** Exit code for a configuration that is not usable: EX_CONFIG of sysexits.h. */
export const exitConfig = 78;

/** What `start` gets. */
export interface ServiceContext<Config> {
  config: Config;
  log: Log;
  stop: Stop;
  health: Health;
  metrics: Metrics;
  clock: Clock;
  /** Adds fields to the `ready` message that the supervisor gets: the port taken, an address. They are not logged. */
  announce(fields: Record<string, unknown>): void;
}

export interface ServiceOptions<S extends z.ZodType> {
  config: S;
  /** Takes the place of the usual EASEL_STOP_LIMIT_MS, for a process whose end is work. */
  stopLimitMs?: number;
  /** Resolves when the process can serve. What it starts, it registers with `stop` right away. */
  start(ctx: ServiceContext<z.output<S>>): Promise<void>;
}

/** The process as `runService` sees it; a test passes its own. */
export interface ServiceHost {
  env: Env;
  exit(code: number): void;
  on(
    event: 'SIGTERM' | 'SIGINT' | 'disconnect' | 'unhandledRejection' | 'uncaughtException',
    fn: (err?: unknown) => void,
  ): void;
  /** Present when a parent holds an IPC channel to this process. */
  send?: ((message: object) => void) | undefined;
  complain(text: string): void;
  createLog: typeof createLog;
  clock: Clock;
}

const processHost: ServiceHost = {
  env: process.env,
  exit: (code) => process.exit(code),
  on: (event, fn) => void process.on(event, fn),
  // The channel may close under our hands; the parent's death is told by `disconnect`.
  send: process.send && ((message) => void process.send?.(message, undefined, undefined, () => undefined)),
  complain: (text) => void process.stderr.write(text),
  createLog,
  clock: systemClock,
};

/** What every process of ours understands beside its own variables. */
const commonConfig = z.object({
  EASEL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** How long connections may drain at a stop; keep it below the grace period of whoever sends SIGTERM. */
  EASEL_STOP_LIMIT_MS: z.coerce.number().int().min(0).max(3_600_000).optional(),
  EASEL_EXIT_WITH_PARENT: z.stringbool().default(false),
});

/** Runs a process from start to exit. Resolves when it is ready, or when it could not start. */
export async function runService<S extends z.ZodType>(
  name: string,
  options: ServiceOptions<S>,
  host: ServiceHost = processHost,
): Promise<void> {
  const configs = readConfigs(name, options.config, host);
  if (!configs) return;
  const { common, config } = configs;
  const startedMs = host.clock.now();
  const log = host.createLog(name, { level: common.EASEL_LOG_LEVEL });
  const metrics = createMetrics(name, { process: true });
  const health = new Health({ metrics, clock: host.clock });
  const softMs = common.EASEL_STOP_LIMIT_MS ?? options.stopLimitMs;
  const stop = new Stop({ log, clock: host.clock, ...(softMs === undefined ? {} : { softMs }) });
  const announced: Record<string, unknown> = {};

  const stopThenExit = async (reason: string, code: number) => {
    health.ready = false;
    await stop.run(reason);
    host.exit(code);
  };
  endWithHost({ host, log, stop, exitWithParent: common.EASEL_EXIT_WITH_PARENT, stopThenExit });

  try {
    await options.start({
      config,
      log,
      stop,
      health,
      metrics,
      clock: host.clock,
      announce: (fields) => void Object.assign(announced, fields),
    });
  } catch (err) {
    // A start that is cut short by a stop fails as it should; the stop itself exits.
    if (stop.stopping) return;
    log.error({ err }, 'start failed');
    await stopThenExit('start failed', 1);
    return;
  }
  if (stop.stopping) return;
  health.ready = true;
  log.info({ durationMs: host.clock.now() - startedMs }, 'ready');
  host.send?.({ type: 'ready', ...announced });
}

function endWithHost(parts: {
  host: ServiceHost;
  log: Log;
  stop: Stop;
  exitWithParent: boolean;
  stopThenExit(reason: string, code: number): Promise<void>;
}): void {
  const { host, log, stop, stopThenExit } = parts;
  const onSignal = (signal: string) => {
    if (!stop.stopping) return void stopThenExit(signal, 0);
    log.warn({ signal }, 'second signal, exiting at once');
    host.exit(1);
  };
  const onBug = (err: unknown) => {
    log.fatal({ err }, 'unhandled error');
    host.exit(1);
  };
  host.on('SIGTERM', () => onSignal('SIGTERM'));
  host.on('SIGINT', () => onSignal('SIGINT'));
  host.on('unhandledRejection', onBug);
  host.on('uncaughtException', onBug);
  if (parts.exitWithParent) host.on('disconnect', () => void (stop.stopping || stopThenExit('parent is gone', 0)));
}

function readConfigs<S extends z.ZodType>(name: string, schema: S, host: ServiceHost) {
  const problems: string[] = [];
  const read = <T extends z.ZodType>(part: T): z.output<T> | undefined => {
    try {
      return readConfig(part, host.env);
    } catch (err) {
      if (!(err instanceof ConfigError)) throw err;
      problems.push(...err.problems);
      return undefined;
    }
  };
  const common = read(commonConfig);
  const config = read(schema);
  if (common && problems.length === 0) return { common, config: config as z.output<S> };
  host.complain(`${name}: ${new ConfigError(problems).message}\n`);
  host.exit(exitConfig);
  return undefined;
}
