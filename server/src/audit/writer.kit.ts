/**
 * What a server does with the audit log, as a process that a suite can kill at any moment, with a clock that goes faster. It
 * prints the name of each act once it is done.
 */
import { parseArgs } from 'node:util';
import { Secret } from '@easel/kit/config';
import { silentLog } from '@easel/kit/log';
import { ANONYMOUS } from '../actor.ts';
import { openDatabase } from '../db.ts';
import { createS3Objects } from '../objects/s3-objects.ts';
import { exportHours, seal } from './archive.ts';
import { AuditService } from './audit.service.ts';

const given = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    endpoint: { type: 'string', default: '' },
    region: { type: 'string', default: '' },
    'access-key': { type: 'string', default: '' },
    'secret-key': { type: 'string', default: '' },
    /** Milliseconds since 1970 at which the clock was right, and how much faster it goes since. */
    since: { type: 'string', default: '0' },
    speed: { type: 'string', default: '1' },
    name: { type: 'string', default: '' },
  },
}).values;

const AT_ONCE = 4;
const since = Number(given.since);
const now = () => since + (Date.now() - since) * Number(given.speed);
const clock = { now } as never;
const { db } = openDatabase({ url: given.database, connections: AT_ONCE + 2 });
const objects = createS3Objects({
  endpoint: given.endpoint,
  region: given.region,
  bucket: 'easel',
  accessKey: new Secret(given['access-key']),
  secretKey: new Secret(given['secret-key']),
  forcePathStyle: true,
});
const audit = new AuditService({ db, objects, clock, log: silentLog });

async function actAs(worker: number): Promise<void> {
  for (let count = 0; ; count++) {
    const thingName = `${given.name}-${worker}-${count}`;
    const from = { address: null, requestId: null };
    await audit.during({ action: 'work', actor: ANONYMOUS, from, thingName }, async () => undefined);
    process.stdout.write(`${thingName}\n`);
  }
}

/** Over and over, whatever comes of it, as the server's loops do. */
async function loop(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    await work().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await Promise.all([
  ...Array.from({ length: AT_ONCE }, (_, at) => actAs(at)),
  loop(() => seal({ db, clock })),
  loop(() => exportHours({ db, objects, clock })),
]);
