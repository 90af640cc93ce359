/**
 * Configuration of the Prisma command, which is for development only: `npm run generate -w @easel/server`,
 * `npm run migration -w @easel/schema -- --name what_changes`. In production `server/src/migrate.ts` applies the migrations.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Prisma's native schema engine is downloaded from its own host; the stand-in speaks the same protocol from an npm package.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= here('./schema-engine.mjs');
process.env.PRISMA_HIDE_UPDATE_MESSAGE ??= '1';
process.env.CHECKPOINT_DISABLE ??= '1';

/** Generating needs no database, but the command wants an address. */
const noDatabase = 'postgresql://nobody@127.0.0.1:1/none';

export default defineConfig({
  schema: here('./schema.prisma'),
  migrations: { path: here('./migrations') },
  datasource: { url: process.env.EASEL_DATABASE_URL ?? noDatabase },
});
