import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { z } from 'zod';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { PEOPLE, SUFFIX, startSlapd, type TestDirectory } from '../../../test/kit/slapd.ts';
import { selfSigned } from '../../../test/kit/tls.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import type { ldapSettingsSchema } from './kinds/ldap.ts';

type Settings = z.input<typeof ldapSettingsSchema>;

describeWith(['slapd'], 'a directory', () => {
  let server: TestServer;
  let directory: TestDirectory;
  let moduleId: string;
  let uid: string;
  let dn: string;
  let count = 0;

  beforeAll(async () => {
    server = await openServer(suiteDatabase());
    directory = await startSlapd();
  });
  afterAll(async () => {
    await server?.close();
    await directory?.stop();
  });
  beforeEach(async () => {
    await server.db.signInModule.deleteMany();
    moduleId = await newModule();
    uid = `ada${++count}`;
    dn = directory.addPerson(uid);
  });

  const settingsWith = (settings: Partial<Settings>): Settings => ({
    kind: 'ldap',
    url: directory.tlsUrl,
    caCertificate: directory.caCertificate,
    bindDn: directory.bindDn,
    baseDn: PEOPLE,
    groupBaseDn: SUFFIX,
    userFilter: '(uid={login})',
    mayRegister: true,
    ...settings,
  });

  async function newModule(settings: Partial<Settings> = {}, secret: string | null = directory.bindPassword) {
    const wish = { name: `d${++count}`, secret, settings: settingsWith(settings) };
    return (await server.app.services.signInModules.create(server.administrator, wish)).id;
  }
  async function onlyModule(settings: Partial<Settings>) {
    await server.db.signInModule.deleteMany();
    moduleId = await newModule(settings);
  }

  async function post(login: string, password: string) {
    const response = await fetch(`${server.url}/auth/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login, password }),
    });
    const secret = /easel_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
    const actor = secret ? await server.app.sessions.authenticate(secret) : null;
    const message = response.status === 204 ? null : ((await response.json()) as { message: string }).message;
    return { status: response.status, message, actor };
  }
  const isIn = async (login = uid, password = `pw-${uid}`) => (await post(login, password)).actor !== null;

  it.each([
    ['ldaps', {}],
    ['StartTLS', { url: 'plain' }],
  ])(
    'lets somebody in by %s, and finds the same user again after a rename',
    async (_name, { url }: { url?: string }) => {
      if (url) await onlyModule({ url: directory.url });
      const first = await post(uid, `pw-${uid}`);
      expect(first).toMatchObject({ status: 204, actor: { login: uid } });
      const renamed = `r${uid}`;
      directory.modify(`dn: ${dn}\nchangetype: modrdn\nnewrdn: uid=${renamed}\ndeleteoldrdn: 1\n`);
      const again = await post(renamed, `pw-${uid}`);
      expect(again.actor?.userId).toBe(first.actor?.userId);
      const session = await server.db.session.findFirstOrThrow({ where: { userId: first.actor?.userId ?? '' } });
      expect(session.moduleId).toBe(moduleId);
    },
  );

  it('is linked by its login and password to whoever is signed in', async () => {
    const [mine, others] = [await server.newUser(), await server.newUser()];
    const link = async ({ headers }: typeof mine, password: string) => {
      const document = `mutation ($module: ID!, $login: String!, $password: String!) {
        linkDirectoryAccount(module: $module, login: $login, password: $password) { __typename
          ... on MutationLinkDirectoryAccountSuccess { data { module } } ... on Refusal { message } } }`;
      const { data, errors } = await server.ask(document, { module: moduleId, login: uid, password }, headers);
      return data?.linkDirectoryAccount?.message ?? errors[0]?.message ?? data.linkDirectoryAccount.data;
    };
    expect(await link(mine, 'wrong')).toContain('knows nobody by this login and password');
    expect(await link(mine, '')).toContain('knows nobody by this login and password');
    expect(await link(mine, `pw-${uid}`)).toEqual([{ module: moduleId }]);
    expect(await link(others, `pw-${uid}`)).toContain('another user');
    expect((await post(uid, `pw-${uid}`)).actor?.userId).toBe(mine.userId);
    const entries = await server.db.auditEntry.findMany({ where: { actorId: mine.userId } });
    expect(JSON.stringify(entries)).not.toContain(`pw-${uid}`);
  });

  it('says the same of everything that is wrong', async () => {
    directory.addPerson(`twin${count}`, `description: same${count}\n`);
    directory.addPerson(`other${count}`, `description: same${count}\n`);
    directory.addPerson(`off${count}`, 'userAccountControl: 514\n');
    await onlyModule({ userFilter: '(|(uid={login})(description={login}))' });
    const words = new Set<string | null>();
    for (const [login, password] of [
      [uid, 'wrong'],
      ['nobody', 'wrong'],
      [`same${count}`, `pw-twin${count}`],
      [`off${count}`, `pw-off${count}`],
      ['*', `pw-${uid}`],
      [`${uid})(uid=*`, `pw-${uid}`],
      [`*)(|(uid=${uid}`, `pw-${uid}`],
      [`${uid}\0`, `pw-${uid}`],
      [dn, `pw-${uid}`],
    ] as const) {
      const said = await post(login, password);
      expect({ login, actor: said.actor }).toEqual({ login, actor: null });
      words.add(said.message);
    }
    await directory.stop();
    words.add((await post(uid, `pw-${uid}`)).message);
    await directory.start();
    expect([...words]).toEqual(['login or password is not right']);
    expect(await isIn()).toBe(true);
  });

  it('is not asked with an empty password, which would bind as nobody', async () => {
    expect((await post(uid, '')).actor).toBeNull();
    expect(
      await server.app.sessions
        .verifyPassword({ login: uid, password: '' }, { address: 'a', userAgent: null })
        .catch((err) => err.code),
    ).toBe('UNAUTHENTICATED');
  });

  it('never hears the password of a local account that is not linked to it', async () => {
    const local = await server.newUser();
    directory.addPerson(local.login);
    expect(await isIn(local.login, `pw-${local.login}`)).toBe(false);
    const entry = await server.db.identity.count({ where: { userId: local.userId } });
    expect(entry).toBe(0);
  });

  it('is asked for whom a user is linked to, whatever his login here', async () => {
    const first = await post(uid, `pw-${uid}`);
    await server.db.user.update({ where: { id: first.actor?.userId ?? '' }, data: { login: `here.${uid}` } });
    expect((await post(`here.${uid}`, `pw-${uid}`)).actor?.userId).toBe(first.actor?.userId);
  });

  it('gives groups in groups, once each, though they go in a ring', async () => {
    await onlyModule({});
    const inner = directory.addGroup(`inner${count}`, [dn]);
    const outer = directory.addGroup(`outer${count}`, [inner]);
    directory.modify(`dn: ${inner}\nchangetype: modify\nadd: member\nmember: ${outer}\n`);
    const group = { name: newId('event'), moduleId, externalName: `OUTER${count}` };
    const { id } = await server.db.group.create({ data: { id: newId('group'), ...group } });
    const { actor } = await post(uid, `pw-${uid}`);
    expect(await server.db.groupMember.count({ where: { groupId: id, userId: actor?.userId ?? '' } })).toBe(1);
    directory.modify(`dn: ${outer}\nchangetype: modify\nreplace: member\nmember: ${directory.bindDn}\n`);
    await post(uid, `pw-${uid}`);
    expect(await server.db.groupMember.count({ where: { groupId: id } })).toBe(0);
  });

  it('identifies by the bytes of objectGUID, where the module says so', async () => {
    await onlyModule({ subjectAttribute: 'objectGUID', directory: 'activeDirectory' });
    const guid = Buffer.from([0, 255, 42, 40, 41, 92, 200, count, 1, 2, 3, 4, 5, 6, 7, 8]);
    directory.addPerson(`guid${count}`, `objectGUID:: ${guid.toString('base64')}\n`);
    const { actor } = await post(`guid${count}`, `pw-guid${count}`);
    const identity = await server.db.identity.findFirstOrThrow({ where: { userId: actor?.userId ?? '' } });
    expect(identity.subject).toBe(guid.toString('hex'));
    await server.db.user.update({ where: { id: actor?.userId ?? '' }, data: { login: `g.${count}` } });
    expect((await post(`g.${count}`, `pw-guid${count}`)).actor?.userId).toBe(actor?.userId);
  });

  it('finds people by letters of all scripts', async () => {
    const login = `Zoë-名前 ${uid}`;
    directory.addPerson(`plain${uid}`, `description:: ${Buffer.from(login).toString('base64')}\n`);
    await onlyModule({ userFilter: '(description={login})' });
    expect((await post(login, `pw-plain${uid}`)).actor).not.toBeNull();
  });

  it('slows down who guesses, as for local accounts', async () => {
    for (let attempt = 0; attempt < 10; attempt++) await post(uid, 'wrong');
    expect((await post(uid, `pw-${uid}`)).status).toBe(429);
  });

  it('needs the bind password again when the address, its certificates or the account change', async () => {
    const change = (settings: Partial<Settings>) =>
      server.app.services.signInModules
        .update(server.administrator, moduleId, { name: `c${++count}`, settings: settingsWith(settings) })
        .then(
          () => 'done',
          (err) => err.code,
        );
    expect(await change({ nameAttribute: 'sn' })).toBe('done');
    expect(await change({ url: 'ldaps://evil.example' })).toBe('INVALID_INPUT');
    expect(await change({ bindDn: `cn=other,${SUFFIX}` })).toBe('INVALID_INPUT');
    expect(await change({ caCertificate: selfSigned('localhost').cert })).toBe('INVALID_INPUT');
    const rows = JSON.stringify(await server.db.signInModule.findMany());
    expect(rows).not.toContain(directory.bindPassword);
  });

  it('is tested step by step', async () => {
    directory.addGroup(`checked${count}`, [dn]);
    const check = async (login: string | null = uid) =>
      (await server.app.services.signInModules.check(server.administrator, moduleId, login)).map(
        ({ step, isGood, message }) => `${step}: ${isGood ? '' : 'not '}${message}`,
      );
    expect(await check()).toEqual([
      'connect: the directory answers',
      'tls: its certificate is good',
      'bind: the account may search',
      `base: ${PEOPLE} is there`,
      `person: ${dn}`,
      `groups: checked${count}`,
    ]);
    expect((await check('nobody')).at(-1)).toMatch(/^person: not /);
    await onlyModule({ baseDn: `ou=none,${SUFFIX}` });
    expect((await check()).at(-1)).toMatch(/^base: not /);
    await onlyModule({ caCertificate: selfSigned('localhost').cert });
    expect(await check()).toEqual([
      'connect: the directory answers',
      expect.stringMatching(/^tls: not .*(self-signed|verify)/),
    ]);
    await onlyModule({ bindDn: `cn=nobody,${SUFFIX}` });
    expect((await check()).at(-1)).toMatch(/^bind: not /);
    await onlyModule({ url: 'ldaps://localhost:9' });
    expect((await check()).at(-1)).toMatch(/^connect: not /);
    await onlyModule({ url: 'ldaps://169.254.169.254' });
    expect((await check()).at(-1)).toMatch(/^connect: not .*credentials/);
  });

  it('over the API tells of itself, never its password', async () => {
    const { data, errors } = await server.ask(
      `mutation ($id: ID!, $login: String) { checkSignInModule(id: $id, login: $login) { __typename ... on SignInCheck { steps { step isGood } } } }`,
      { id: moduleId, login: uid },
    );
    expect(errors).toEqual([]);
    expect(data.checkSignInModule.steps.at(-1)).toEqual({ step: 'groups', isGood: true });
    const said = await server.ask('{ signInModules { kind issuer callbackPath ldap { url bindDn userFilter } } }');
    expect(said.data.signInModules[0]).toMatchObject({
      kind: 'ldap',
      callbackPath: null,
      ldap: { bindDn: directory.bindDn },
    });
    const created = await server.ask(
      'mutation ($input: SignInModuleInput!) { createSignInModule(input: $input) { __typename ... on Refusal { message } } }',
      {
        input: {
          kind: 'ldap',
          name: newId('event'),
          ldap: {
            url: directory.url,
            baseDn: PEOPLE,
            userFilter: '(uid={login})',
            bindDn: directory.bindDn,
            bindPassword: 'canary of the bind account',
          },
        },
      },
    );
    expect(created.data.createSignInModule.__typename).toBe('SignInModule');
    expect(JSON.stringify(await server.db.auditEntry.findMany())).not.toContain('canary of the bind account');
  });

  describeWith(['slapd'], 'in the hands of somebody on the way', () => {
    let liar: Server | null = null;
    let heard: Buffer;
    let connections: number;
    async function listen(answer: (socket: Socket, data: Buffer) => void): Promise<string> {
      heard = Buffer.alloc(0);
      connections = 0;
      liar = createServer((socket) => {
        connections++;
        socket.on('error', () => undefined);
        socket.on('data', (data: Buffer) => {
          heard = Buffer.concat([heard, data]);
          answer(socket, data);
        });
      });
      await new Promise<void>((resolve) => liar?.listen(0, '127.0.0.1', resolve));
      return `ldap://localhost:${(liar.address() as AddressInfo).port}`;
    }
    const agreed = Buffer.from('300c02010178070a010004000400', 'hex');
    const bindGood = Buffer.from('300c02010261070a010004000400', 'hex');

    it.each([
      ['that refuses StartTLS', Buffer.from('300c02010178070a013504000400', 'hex')],
      ['that says success of another message', Buffer.from('300c02010278070a010004000400', 'hex')],
      ['that says more than it was asked', Buffer.concat([agreed, bindGood])],
      ['that leaves the half of an answer before TLS', Buffer.concat([agreed, bindGood.subarray(0, 9)])],
      ['that speaks no TLS afterwards', agreed],
      ['that speaks another protocol', Buffer.from('220 mail.example.com ESMTP\r\n')],
      ['that never ends its answer', Buffer.from('30847fffffff', 'hex')],
    ])('a directory %s gets no password, and no second connection', async (_name, answer) => {
      const url = await listen((socket) => socket.write(answer));
      await onlyModule({ url });
      expect(await isIn()).toBe(false);
      expect(heard.toString('latin1')).not.toContain(directory.bindPassword);
      expect(heard.toString('latin1')).not.toContain(`pw-${uid}`);
      expect(connections).toBe(1);
      liar?.close();
    });

    it('a certificate of another name is refused', async () => {
      await onlyModule({ url: directory.tlsUrl.replace('localhost', '127.0.0.1') });
      expect(await isIn()).toBe(false);
    });

    it('a certificate that no authority knows is refused', async () => {
      await onlyModule({ caCertificate: '' });
      expect(await isIn()).toBe(false);
    });
  });
});
