import { systemClock } from '@easel/kit/clock';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../db.ts';
import { suiteDatabase } from '../http/server.kit.ts';
import { migrate } from '../migrations.ts';
import { PlatformService } from './platform.service.ts';

const token = 'easel_platform_aaaaaaaaaaaaaaaaaaaaaaaaaa';
const newToken = 'easel_platform_bbbbbbbbbbbbbbbbbbbbbbbbbb';

let database: Database;
let platforms: PlatformService;
beforeAll(async () => {
  await migrate(suiteDatabase());
  database = openDatabase({ url: suiteDatabase(), connections: 2 });
  platforms = new PlatformService({ db: database.db, clock: systemClock });
});
afterAll(() => database.close());

it('keeps the installed platform through a new name and a new token', async () => {
  await platforms.ensureLocal('local', token);
  const made = await platforms.authenticate(token);
  await platforms.ensureLocal('local', token);
  await platforms.ensureLocal('eu-west', token);
  expect(await platforms.authenticate(token)).toEqual({ ...made, name: 'eu-west' });

  await platforms.ensureLocal('eu-west', newToken);
  expect(await platforms.authenticate(token)).toBeNull();
  expect(await platforms.authenticate(newToken)).toMatchObject({ platformId: made?.platformId, name: 'eu-west' });
  expect((await platforms.list()).map(({ name }) => name)).toEqual(['eu-west']);
});
