/**
 * What leaves by itself: mails and webhooks that are due, and what people are told of that nobody's act brings about. One turn of each is
 * a function, so that suites take turns without waiting for a clock.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type pg from 'pg';
import type { Services } from '../context.ts';
import type { Db } from '../db.ts';
import { deliverMails, sweepMails } from '../mail/deliver.ts';
import { tellExpiringTokens } from '../notification/expiring-tokens.ts';
import { tellReachedQuotas } from '../notification/reached-quotas.ts';
import type { Unwritten } from '../outbox/outbox.ts';
import { deliverWebhooks, sweepDeliveries } from '../webhook/deliver.ts';
import { passOnNews } from './news.ts';
import { onOneReplica } from './one-replica.ts';

export interface OutgoingParts {
  db: Db;
  pool: pg.Pool;
  services: Services;
  log: Log;
  clock: Clock;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

export function createOutgoing({ db, services, log, clock }: OutgoingParts) {
  const { mails, notifications, webhooks } = services;
  const unwritten: { mails: Unwritten; webhooks: Unwritten } = { mails: new Map(), webhooks: new Map() };
  return {
    mails: () =>
      deliverMails(
        {
          db,
          mails,
          clock,
          log,
          onGivenUp: (tx, { id, template, problem }) =>
            notifications.tell(tx, {
              everyAdministrator: true,
              kind: 'mailGivenUp',
              thingId: id,
              values: { template, problem },
            }),
        },
        unwritten.mails,
      ),
    webhooks: () => deliverWebhooks({ db, webhooks, notifications, clock, log }, unwritten.webhooks),
    news: () => passOnNews({ db, environments: services.environments, notifications, webhooks }),
    expiringTokens: () => tellExpiringTokens({ db, apiTokens: services.apiTokens, notifications, clock }),
    reachedQuotas: () => tellReachedQuotas({ db, audit: services.audit, notifications, clock }),
    async sweep() {
      await sweepMails({ db, clock });
      await sweepDeliveries({ db, clock });
      await notifications.sweep();
      await services.forgotPassword.sweep();
    },
  };
}

/** Runs all of it until the signal aborts. Never rejects. */
export async function runOutgoing(parts: OutgoingParts, signal: AbortSignal): Promise<void> {
  const { pool, log, clock } = parts;
  const turns = createOutgoing(parts);
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
    loop('mails', 2 * second, turns.mails),
    loop('webhooks', 2 * second, turns.webhooks),
    alone('news', second, turns.news),
    alone('expiring tokens', 10 * minute, turns.expiringTokens),
    alone('reached quotas', 10 * minute, turns.reachedQuotas),
    alone('outgoing retention', hour, turns.sweep),
  ]);
}
