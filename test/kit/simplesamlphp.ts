/**
 * A real identity provider of SAML 2.0: SimpleSAMLphp of Debian's package under PHP's own web server, thrown away at the end.
 * Source: SimpleSAMLphp 1.19, "IdP QuickStart" and "IdP hosted metadata reference".
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { freePorts } from './stack.ts';
import { selfSigned } from './tls.ts';

const startLimitMs = 30_000;
const example = '/usr/share/doc/simplesamlphp/examples/config-templates/config.php.gz';

export interface TestAccount {
  password: string;
  attributes: Record<string, string[]>;
}

/** A service that the provider knows; what is left out is as the provider does it by itself. */
export interface KnownService {
  entityId: string;
  acsUrl: string;
  /** PEM; of the service, for what it signs and for what is encrypted for it. */
  certificate?: string;
  nameIdFormat?: string;
  /** The attribute that the NameID is made of. */
  nameIdAttribute?: string;
  signsResponse?: boolean;
  signsAssertion?: boolean;
  encryptsAssertion?: boolean;
  checksRequests?: boolean;
}

export interface SamlProvider {
  url: string;
  entityId: string;
  metadataUrl: string;
  /** PEM. */
  certificate: string;
  know(service: KnownService): Promise<void>;
  /** Goes through its pages as a browser does, with a name and a password. Gives what the browser would post, and where. */
  signIn(
    url: URL | string,
    name: string,
    password: string,
  ): Promise<{ action: string; fields: Record<string, string> }>;
  stop(): Promise<void>;
}

/** Starts it and resolves when it answers. */
export async function startSimpleSamlPhp(accounts: Record<string, TestAccount>): Promise<SamlProvider> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-test-saml-'));
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}/simplesaml`;
  const entityId = `${url}/saml2/idp/metadata.php`;
  const { key, cert } = selfSigned('idp.example.com');
  const services = new Map<string, KnownService>();
  const inFolder = (name: string) => join(folder, name);
  const writeServices = () =>
    writeFile(inFolder('metadata/saml20-sp-remote.php'), servicesFile([...services.values()]));

  for (const name of ['config', 'metadata', 'cert', 'data', 'log', 'tmp', 'docroot']) await mkdir(inFolder(name));
  await symlink('/usr/share/simplesamlphp/www', inFolder('docroot/simplesaml'));
  await writeFile(inFolder('cert/idp.pem'), key);
  await writeFile(inFolder('cert/idp.crt'), cert);
  const template = gunzipSync(await readFile(example)).toString();
  await writeFile(inFolder('config/config.php'), `${template}\n${configOf(folder, url)}`);
  await writeFile(inFolder('config/authsources.php'), accountsFile(accounts));
  await writeFile(inFolder('metadata/saml20-idp-hosted.php'), hostedFile(entityId));
  await writeServices();

  let output = '';
  const php: ChildProcess = spawn(
    'php',
    ['-d', 'opcache.enable=0', '-S', `127.0.0.1:${port}`, '-t', inFolder('docroot')],
    {
      env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: inFolder('config'), TMPDIR: inFolder('tmp') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  for (const stream of [php.stdout, php.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const stop = async () => {
    await end(php);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(entityId, () => output);
  } catch (err) {
    await stop();
    throw err;
  }
  return {
    url,
    entityId,
    metadataUrl: entityId,
    certificate: cert,
    async know(service) {
      services.set(service.entityId, service);
      await writeServices();
    },
    signIn: (from, name, password) => walk(new URL(from), name, password),
    stop,
  };
}

/** `php` has a value as JSON, so that nothing of it is code. */
const php = (value: unknown) =>
  `json_decode(base64_decode('${Buffer.from(JSON.stringify(value)).toString('base64')}'), true)`;

function configOf(folder: string, url: string): string {
  return `$config = array_merge($config, ${php({
    baseurlpath: `${url}/`,
    certdir: `${folder}/cert/`,
    loggingdir: `${folder}/log/`,
    datadir: `${folder}/data/`,
    tempdir: `${folder}/tmp`,
    metadatadir: `${folder}/metadata`,
    secretsalt: 'a salt of the test',
    'enable.saml20-idp': true,
    'module.enable': { exampleauth: true, core: true, saml: true },
    'session.cookie.secure': false,
    'session.cookie.samesite': 'Lax',
    'session.phpsession.savepath': `${folder}/tmp`,
    'language.cookie.secure': false,
    'language.cookie.samesite': 'Lax',
    'logging.handler': 'errorlog',
    'admin.checkforupdates': false,
    'authproc.idp': {},
  })});\n`;
}

function accountsFile(accounts: Record<string, TestAccount>): string {
  const users = Object.entries(accounts).map(([name, { password, attributes }]) => [`${name}:${password}`, attributes]);
  return `<?php\n$config = ['people' => array_merge(['exampleauth:UserPass'], ${php(Object.fromEntries(users))})];\n`;
}

function hostedFile(entityId: string): string {
  return `<?php\n$metadata['${entityId}'] = ${php({
    host: '__DEFAULT__',
    privatekey: 'idp.pem',
    certificate: 'idp.crt',
    auth: 'people',
  })};\n`;
}

function servicesFile(services: readonly KnownService[]): string {
  const lines = services.map((service) => {
    const { entityId, acsUrl, certificate } = service;
    const settings = {
      AssertionConsumerService: acsUrl,
      ...(certificate ? { certData: certificate.replace(/-----[^-]+-----|\s/g, '') } : {}),
      NameIDFormat: service.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      'simplesaml.nameidattribute': service.nameIdAttribute ?? 'uid',
      'saml20.sign.response': service.signsResponse ?? true,
      'saml20.sign.assertion': service.signsAssertion ?? true,
      'assertion.encryption': service.encryptsAssertion ?? false,
      'redirect.validate': service.checksRequests ?? false,
    };
    return `$metadata['${entityId}'] = ${php(settings)};\n`;
  });
  return `<?php\n${lines.join('')}`;
}

/** Follows redirects with cookies, fills the one form with a password, and gives the one with the response. */
async function walk(
  from: URL,
  name: string,
  password: string,
): Promise<{ action: string; fields: Record<string, string> }> {
  const cookies = new Map<string, string>();
  let at = from;
  let body: URLSearchParams | null = null;
  for (let step = 0; step < 15; step++) {
    const response: Response = await fetch(at, {
      redirect: 'manual',
      method: body ? 'POST' : 'GET',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(body ? { body } : {}),
    });
    body = null;
    for (const cookie of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(key, value);
    }
    const location = response.headers.get('location');
    if (location) {
      at = new URL(location, at);
      continue;
    }
    const page = await response.text();
    const fields = fieldsOf(page);
    const action = unescaped(/<form[^>]*action="([^"]*)"/.exec(page)?.[1] ?? '');
    if ('SAMLResponse' in fields) return { action, fields };
    if (!('AuthState' in fields)) throw new Error(`the provider says ${response.status}: ${page.slice(0, 1500)}`);
    at = new URL(action || at.href, at);
    body = new URLSearchParams({ ...fields, username: name, password });
  }
  throw new Error('the provider never sends back');
}

function fieldsOf(page: string): Record<string, string> {
  const inputs = [...page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => input);
  return Object.fromEntries(
    inputs.map((input) => [
      /name="([^"]*)"/.exec(input)?.[1] ?? '',
      unescaped(/value="([^"]*)"/.exec(input)?.[1] ?? ''),
    ]),
  );
}

function unescaped(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');
}

async function answers(url: string, output: () => string): Promise<void> {
  for (const deadlineMs = Date.now() + startLimitMs; ; ) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > deadlineMs) {
      const said = answer ? `${answer.status}: ${(await answer.text()).slice(0, 1000)}` : 'nothing';
      throw new Error(`SimpleSAMLphp did not answer in ${startLimitMs} ms: ${said}\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill('SIGTERM');
  });
}
