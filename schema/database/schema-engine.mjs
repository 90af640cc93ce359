#!/usr/bin/env node
/**
 * Stand-in for Prisma's native schema engine, backed by `@prisma/schema-engine-wasm`: the Prisma command starts it as
 * PRISMA_SCHEMA_ENGINE_BINARY and talks JSON-RPC 2.0 with it, one message a line, over standard input and output.
 * `schema-engine cli <verb>` creates, drops or tries the database and exits with 0 or 1.
 *
 * Four things that the wasm engine with adapter-pg does not do by itself are done here, each said where it happens.
 * Not TypeScript, because it is started as an executable by whatever Node.js comes first on PATH.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** Types of pg_catalog columns that adapter-pg refuses ("char") or does not know (name), and the one it is told instead. */
const OID_CHAR = 18;
const OID_NAME = 19;
const OID_TEXT = 25;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    datamodels: { type: 'string', multiple: true, short: 'd' },
    datasource: { type: 'string' },
    version: { type: 'boolean' },
  },
});
const datasource = options.datasource ? JSON.parse(options.datasource) : {};

/** What the engine said when it panicked; its stack is of no use outside. */
let panicMessage;
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  set_message(message) {
    panicMessage = message;
  },
};
process.on('uncaughtException', (err) => {
  tellLog('ERROR', { message: panicMessage ?? err.stack ?? String(err), is_panic: true });
  process.exit(101);
});

/** The command reads what went wrong from standard error, in the native engine's form. */
function tellLog(level, fields, target = 'schema_engine') {
  process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target })}\n`);
}

/** A pool whose catalog queries adapter-pg understands (prisma/orm issue 27403). */
class CatalogPool extends pg.Pool {
  async query(...args) {
    const result = await super.query(...args);
    for (const field of result.fields ?? []) {
      if (field.dataTypeID === OID_CHAR || field.dataTypeID === OID_NAME) field.dataTypeID = OID_TEXT;
    }
    return result;
  }
}

function poolFor(address) {
  const url = new URL(address);
  const schema = url.searchParams.get('schema');
  url.searchParams.delete('schema');
  return new CatalogPool({
    connectionString: url.href,
    ...(schema ? { options: `-c search_path="${schema}"` } : {}),
  });
}

class MigrationAdapter extends PrismaPg {
  #address;

  constructor(address) {
    const schema = new URL(address).searchParams.get('schema') ?? undefined;
    super(poolFor(address), { disposeExternalPool: true, schema });
    this.#address = address;
  }

  async connect() {
    const adapter = await super.connect();
    // PostgreSQL 18 lists NOT NULL among the constraints, and the engine takes a constraint's type for a single character.
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      const at = result.columnNames.indexOf('constraint_type');
      if (at !== -1) result.columnTypes[at] = ColumnTypeEnum.Character;
      return result;
    };
    // The adapter's own version splits at ";" and so breaks function bodies; whole, a script is also one transaction.
    adapter.executeScript = async (script) => {
      try {
        await adapter.underlyingDriver().query(script);
      } catch (err) {
        adapter.onError(err);
      }
    };
    return adapter;
  }

  /** The adapter's own version would take the main database for the shadow database. */
  async connectToShadowDb() {
    if (datasource.shadowDatabaseUrl) return new MigrationAdapter(datasource.shadowDatabaseUrl).connect();
    const name = `easel_shadow_${crypto.randomUUID()}`;
    const admin = new pg.Client({ connectionString: this.#address });
    await admin.connect();
    await admin.query(`CREATE DATABASE "${name}"`);
    const shadow = new URL(this.#address);
    shadow.pathname = `/${name}`;
    const adapter = await new MigrationAdapter(shadow.href).connect();
    const dispose = adapter.dispose.bind(adapter);
    adapter.dispose = async () => {
      await dispose();
      await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      await admin.end();
    };
    return adapter;
  }
}

async function withClient(address, work) {
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Prisma's error codes for what a connection attempt may meet. */
const CODE_OF_SQLSTATE = { '3D000': 'P1003', '28P01': 'P1000', 28000: 'P1000' };

async function runVerb(verb) {
  const maintenance = new URL(datasource.url);
  const name = decodeURIComponent(maintenance.pathname.slice(1));
  maintenance.pathname = '/postgres';
  const verbs = {
    'create-database': () =>
      withClient(maintenance.href, (client) => client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`)),
    'drop-database': () =>
      withClient(maintenance.href, (client) =>
        client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`),
      ),
    'can-connect-to-database': () => withClient(datasource.url, (client) => client.query('SELECT 1')),
  };
  try {
    if (!verbs[verb]) throw new Error(`expected one of ${Object.keys(verbs).join(', ')}, got ${verb}`);
    await verbs[verb]();
    process.exit(0);
  } catch (err) {
    tellLog('INFO', { message: 'Starting schema engine CLI' });
    const fields = { message: err.message || String(err.code), error_code: CODE_OF_SQLSTATE[err.code] ?? 'P1001' };
    tellLog('ERROR', { ...fields, is_panic: false }, 'schema_engine::logger');
    process.exit(1);
  }
}

async function loadBindings() {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

async function loadEngine() {
  await loadBindings();
  const files = options.datamodels ?? [];
  const datamodels = await Promise.all(files.map(async (file) => [file, await readFile(file, 'utf8')]));
  const adapter = new MigrationAdapter(datasource.url ?? 'postgresql://nobody@127.0.0.1:1/none');
  return bindings.SchemaEngine.new(
    { datamodels: datamodels.length > 0 ? datamodels : undefined },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

/** Methods whose arguments or answers differ between the native engine and the wasm one; all others are passed through. */
const METHODS = {
  getDatabaseVersion: (engine) => engine.version(null),
  createDatabase: async () => ({ databaseName: new URL(datasource.url).pathname.slice(1) }),
  async dbExecute(engine, params) {
    await engine.dbExecute(params);
    return {};
  },
  async diff(engine, params) {
    const result = await engine.diff(params);
    // The native engine asks the command to print by a request of its own.
    if (result.stdout != null) send({ id: 1_000_000, method: 'print', params: { content: result.stdout } });
    return { exitCode: result.exitCode, stdout: null };
  },
  async reset(engine, params) {
    await engine.reset(params);
    return {};
  },
};

async function answer(line, enginePromise) {
  const { id, method, params } = JSON.parse(line);
  if (!method) return;
  try {
    const engine = await enginePromise;
    const result = METHODS[method] ? await METHODS[method](engine, params) : await engine[method](params);
    send({ id, result: result ?? {} });
  } catch (err) {
    const data = { is_panic: false, message: panicMessage ?? err?.message ?? String(err), meta: err?.meta ?? null };
    if (err?.code) data.error_code = err.code;
    send({ id, error: { code: 4466, message: 'An error happened. Check the data field for details.', data } });
  }
}

if (positionals[0] === 'cli') await runVerb(positionals[1]);
if (options.version) {
  await loadBindings();
  process.stdout.write(`schema-engine-cli ${bindings.version()}\n`);
  process.exit(0);
}

const engine = loadEngine();
let pending = Promise.resolve();
const lines = readline.createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
lines.on('line', (line) => {
  pending = pending.then(() => answer(line, engine));
});
lines.on('close', () => pending.then(() => process.exit(0)));
