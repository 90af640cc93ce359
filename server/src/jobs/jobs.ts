/**
 * What is done without anybody asking. Each job is a loop on every replica that reads what is due from the rows and does it
 * idempotently; what would be done twice for nothing runs on one replica at a time. See decision 0006 for why these are
 * loops and not entries of a queue.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type pg from 'pg';
import { exportHours, forgetOldEntries, seal } from '../audit/archive.ts';
import type { Db } from '../db.ts';
import type { EnvironmentFacts } from '../environment/facts.ts';
import { compactLogs } from '../log/compaction.ts';
import { removeOrphanedLogs } from '../log/log-retention.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { SILENT_EVERY_MS } from '../platform/platform.service.ts';
import { CHECK_EVERY_MS } from '../sign-in/provider-check.ts';
import type { SnapshotSchedulerService } from '../snapshot/snapshot-scheduler.service.ts';
import { passDeadlines } from './deadlines.ts';
import { stopIdle } from './inactivity.ts';
import { onOneReplica } from './one-replica.ts';
import { forgetEarlierStarts } from './retention.ts';
import { passSnapshotDeadlines } from './snapshot-deadlines.ts';

export interface JobsParts {
  db: Db;
  pool: pg.Pool;
  objects: ObjectStore;
  facts: Pick<EnvironmentFacts, 'overdue' | 'deadlinePassed'>;
  snapshots: Pick<SnapshotSchedulerService, 'overdue' | 'deadlinePassed'>;
  /** Tells who looks at a platform that it has fallen silent. */
  tellSilentPlatforms: () => Promise<void>;
  /** Tells of shares that have expired. */
  sweepShares: () => Promise<void>;
  forgetShares: () => Promise<void>;
  /** Warns of environments that nobody uses, and deletes them. */
  cleanUp: () => Promise<void>;
  /** Forgets sessions and one-time codes that open nothing any more. */
  sweepSessions: () => Promise<void>;
  /** Ends sessions of people who are gone where they signed in. */
  checkAtProviders: () => Promise<unknown>;
  /** Days after which entries of the audit log leave the database, and the object store; 0 keeps them there for ever. */
  audit: { databaseDays: number; retentionDays: number };
  /** Tells how often what was refused was refused again. */
  tellRefusals: () => Promise<void>;
  /** Reads the metadata of identity providers again, when it is due. */
  refreshSamlMetadata: () => Promise<void>;
  /** Makes the next keys that tickets and SSH certificates are signed with, when they are due. */
  rotateSigningKeys: () => Promise<void>;
  /** Cuts what came in by an API token that has run out in these milliseconds. */
  tellEndedTokens: (sinceMs: number) => Promise<void>;
  stopSeconds: number;
  log: Log;
  clock: Clock;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Runs all jobs until the signal aborts. Never rejects. */
export async function runJobs(parts: JobsParts, signal: AbortSignal): Promise<void> {
  const { pool, log, clock } = parts;
  const stores = { database: pool, objects: parts.objects };
  const loop = (name: string, everyMs: number, work: () => Promise<unknown>) =>
    runLoop({ name, everyMs, signal, log, clock }, async () => {
      await work();
    });
  const alone = (name: string, everyMs: number, work: () => Promise<unknown>) =>
    loop(name, everyMs, () =>
      onOneReplica(pool, name, async () => {
        await work();
      }),
    );
  await Promise.all([
    loop('deadlines', second, () => passDeadlines(parts)),
    loop('snapshot deadlines', second, () => passSnapshotDeadlines(parts)),
    loop('shares', second, parts.sweepShares),
    alone('entries by shares', hour, parts.forgetShares),
    loop('sessions at providers', CHECK_EVERY_MS, parts.checkAtProviders),
    alone('silent platforms', SILENT_EVERY_MS, parts.tellSilentPlatforms),
    alone('inactivity', 20 * second, () => stopIdle({ ...parts, database: pool, now: () => new Date(clock.now()) })),
    alone('unused environments', minute, parts.cleanUp),
    alone('removed logs', 15 * second, () => removeOrphanedLogs(stores)),
    alone('log compaction', 5 * minute, () => compactLogs(stores)),
    alone('saml metadata', 5 * minute, parts.refreshSamlMetadata),
    alone('signing keys', 10 * minute, parts.rotateSigningKeys),
    // Looks further back than a turn takes: doing it twice is doing it once.
    alone('ended tokens', second, () => parts.tellEndedTokens(5 * second)),
    loop('audit refusals', minute, parts.tellRefusals),
    alone('audit chain', 5 * second, () => seal(parts)),
    alone('audit objects', minute, () => exportHours(parts)),
    alone('audit retention', hour, () => forgetOldEntries(parts, parts.audit)),
    alone('sessions', hour, parts.sweepSessions),
    alone('earlier starts', hour, () => forgetEarlierStarts(stores)),
  ]);
}
