/** A real OpenLDAP server on loopback, with TLS, groups in groups, and attributes as Active Directory has them. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSigned } from './tls.ts';

export const SUFFIX = 'dc=example,dc=com';
export const PEOPLE = `ou=people,${SUFFIX}`;
const ROOT = { dn: `cn=admin,${SUFFIX}`, password: 'root password' };

export interface TestDirectory {
  /** `ldap://localhost:…`, where StartTLS is spoken. */
  url: string;
  tlsUrl: string;
  port: number;
  /** What its certificate, for `localhost`, is signed by. */
  caCertificate: string;
  bindDn: string;
  bindPassword: string;
  /** LDIF of entries. */
  add(ldif: string): void;
  /** LDIF of changes. */
  modify(ldif: string): void;
  delete(dn: string): void;
  /** A person of `PEOPLE` with the password `pw-<uid>`. */
  addPerson(uid: string, more?: string): string;
  addGroup(cn: string, members: readonly string[]): string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** As Active Directory names and numbers them. Source: Microsoft, Active Directory schema. */
const AD_SCHEMA = `
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.1 NAME 'adPerson' SUP top AUXILIARY MAY ( objectGUID $ userAccountControl $ accountExpires ) )
`;

export async function startSlapd(): Promise<TestDirectory> {
  const dir = mkdtempSync(join(tmpdir(), 'easel-slapd-'));
  const file = (name: string) => join(dir, name);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const { key, cert } = selfSigned('localhost');
  mkdirSync(file('db'));
  writeFileSync(file('key.pem'), key, { mode: 0o600 });
  writeFileSync(file('cert.pem'), cert);
  writeFileSync(file('ad.schema'), AD_SCHEMA);
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`);
  writeFileSync(
    file('slapd.conf'),
    `${schemas.join('\n')}
include ${file('ad.schema')}
modulepath /usr/lib/ldap
moduleload back_mdb.so
moduleload memberof.so
pidfile ${file('slapd.pid')}
TLSCertificateFile ${file('cert.pem')}
TLSCertificateKeyFile ${file('key.pem')}
database mdb
suffix "${SUFFIX}"
rootdn "${ROOT.dn}"
rootpw "${ROOT.password}"
directory ${file('db')}
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=easel,${SUFFIX}" read by * none
`,
  );
  let child: ReturnType<typeof spawn> | null = null;
  const urls = { plain: `ldap://127.0.0.1:${port}/`, tls: `ldaps://127.0.0.1:${tlsPort}/` };

  async function start(): Promise<void> {
    child = spawn('/usr/sbin/slapd', ['-d', '0', '-f', file('slapd.conf'), '-h', `${urls.plain} ${urls.tls}`], {
      stdio: 'ignore',
    });
    for (let attempt = 0; ; attempt++) {
      try {
        run('ldapwhoami', []);
        return;
      } catch (err) {
        if (attempt > 100 || child.exitCode !== null) throw err;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  async function stop(): Promise<void> {
    const running = child;
    child = null;
    if (!running || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await ended;
  }
  function run(command: string, args: string[], input = ''): void {
    const bind = ['-x', '-H', urls.plain, '-D', ROOT.dn, '-w', ROOT.password];
    execFileSync(command, [...bind, ...args], { input, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  await start();
  const self: TestDirectory = {
    url: `ldap://localhost:${port}`,
    tlsUrl: `ldaps://localhost:${tlsPort}`,
    port,
    caCertificate: cert,
    bindDn: `cn=easel,${SUFFIX}`,
    bindPassword: 'bind password',
    add: (ldif) => run('ldapadd', [], ldif),
    modify: (ldif) => run('ldapmodify', [], ldif),
    delete: (dn) => run('ldapdelete', [dn]),
    addPerson(uid, more = '') {
      const dn = `uid=${uid},${PEOPLE}`;
      self.add(
        `dn: ${dn}\nobjectClass: inetOrgPerson\nobjectClass: adPerson\ncn: ${uid} Person\nsn: ${uid}\nmail: ${uid}@example.com\nuserPassword: pw-${uid}\n${more}`,
      );
      return dn;
    },
    addGroup(cn, members) {
      const dn = `cn=${cn},ou=groups,${SUFFIX}`;
      self.add(`dn: ${dn}\nobjectClass: groupOfNames\n${members.map((member) => `member: ${member}\n`).join('')}`);
      return dn;
    },
    start,
    async stop() {
      await stop();
    },
  };
  self.add(`dn: ${SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example

dn: ${PEOPLE}
objectClass: organizationalUnit

dn: ou=groups,${SUFFIX}
objectClass: organizationalUnit

dn: ${self.bindDn}
objectClass: person
sn: easel
userPassword: ${self.bindPassword}
`);
  process.once('exit', () => {
    child?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  return self;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
