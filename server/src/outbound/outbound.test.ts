/** Whom the server calls when people say whom: forms of addresses, names that change, redirects, answers without end. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllowed, refusalOf } from './addresses.ts';
import { Outbound, OutboundRefused, type ResolveName } from './outbound.ts';

const NOTHING = parseAllowed('');
const judge = (address: string, more: { allowed?: string; allowsPrivate?: boolean; host?: string } = {}) =>
  refusalOf(address, {
    allowed: parseAllowed(more.allowed ?? ''),
    allowsPrivate: more.allowsPrivate ?? false,
    host: more.host ?? address,
  });

describe('an address', () => {
  it.each(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'])('%s is public', (address) =>
    expect(judge(address)).toBeNull(),
  );

  it.each([
    '127.0.0.1',
    '127.1.2.3',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '240.0.0.1',
    '::',
    '::1',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '2001:db8::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a00:1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '2001:0:4136:e378:8000:63bf:80ff:fffe',
    'fe80::1',
    '169.254.1.1',
    'not an address',
  ])('%s is not', (address) => expect(judge(address)).not.toBeNull());

  const metadata = [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
  ];
  it.each(metadata)('%s is where clouds keep credentials: never, whatever is allowed', (address) => {
    expect(judge(address, { allowed: '0.0.0.0/0, ::/0, a.example', allowsPrivate: true, host: 'a.example' })).toMatch(
      /credentials/,
    );
  });

  it('of a private network is called where an administrator has said so', () => {
    expect(judge('10.1.2.3', { allowed: '10.1.0.0/16' })).toBeNull();
    expect(judge('10.2.2.3', { allowed: '10.1.0.0/16' })).not.toBeNull();
    expect(judge('10.1.2.3', { allowed: 'ci.example.com', host: 'CI.example.com' })).toBeNull();
    expect(judge('10.1.2.3', { allowed: 'ci.example.com', host: 'xci.example.com' })).not.toBeNull();
    expect(judge('fd12::1', { allowed: 'fd12::/16' })).toBeNull();
    expect(judge('127.0.0.1', { allowsPrivate: true })).toBeNull();
  });

  it('that is to be called with TLS is called without it only where an administrator has said so', () => {
    const needsTls = (address: string, allowed: string, host = address) =>
      refusalOf(address, { allowed: parseAllowed(allowed), allowsPrivate: false, needsAllowed: true, host });
    expect(needsTls('93.184.216.34', '')).toMatch(/https/);
    expect(needsTls('93.184.216.34', 'ci.example.com', 'ci.example.com')).toBeNull();
    expect(needsTls('10.1.2.3', '10.1.0.0/16')).toBeNull();
    expect(needsTls('10.1.2.3', '')).not.toBeNull();
  });

  it.each([
    ['127.0.0.1:9000', '127.0.0.1:9000'],
    ['CI.example.com:9000', 'ci.example.com:9000'],
    ['[fd12::1]:9000', 'fd12::1:9000'],
  ])('with a port, %s, is one place', (words, place) => expect([...parseAllowed(words).places]).toEqual([place]));

  it.each(['10.0.0.0/33', '10.0.0.0/8:9000', '10.0.0', 'a b', '*', '*.example.com', '2130706433'])(
    'and not by the words %j',
    (words) => {
      expect(() => parseAllowed(words)).toThrow(/neither/);
    },
  );
});

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
async function listen(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
const get = (
  outbound: Outbound,
  url: string,
  more: { allowsPrivate?: boolean; timeoutMs?: number; maxAnswerBytes?: number } = {},
) => outbound.send({ url: new URL(url), method: 'GET', headers: {}, timeoutMs: 2000, maxAnswerBytes: 1000, ...more });
const ports = new Set([80, 443]);

describe('a request', () => {
  it.each([
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://0/',
    'http://localhost/',
    'http://127.0.0.1:8080/',
    'http://user:password@93.184.216.34/',
    'http://93.184.216.34:22/',
    'file:///etc/passwd',
    'gopher://93.184.216.34/',
  ])('to %s is refused', async (url) => {
    await expect(get(new Outbound({ allowed: NOTHING, ports }), url)).rejects.toThrow(OutboundRefused);
  });

  it('goes to the address that was judged, whatever the name means the next time', async () => {
    const port = await listen((_request, response) => response.end('here'));
    const answers = [['127.0.0.1'], ['127.0.0.99']];
    const asked: string[] = [];
    const rebinding: ResolveName = async (host) => {
      asked.push(host);
      return (answers.shift() ?? []).map((address) => ({ address, family: 4 }));
    };
    const outbound = new Outbound({ allowed: parseAllowed('127.0.0.1'), ports: new Set([port]) }, rebinding);
    expect(String((await get(outbound, `http://rebind.example:${port}/`)).body)).toBe('here');
    expect(asked).toEqual(['rebind.example']);
    await expect(get(outbound, `http://rebind.example:${port}/`)).rejects.toThrow(/127\.0\.0\.99/);
  });

  it('waits no longer for a name than for an answer', async () => {
    const silent = new Outbound({ allowed: NOTHING, ports }, () => new Promise(() => undefined));
    const late = get(silent, 'https://silent.example/', { timeoutMs: 50 });
    await expect(late).rejects.toThrow(/silent\.example was not found within 0\.05 seconds/);
  });

  it('to a name of which one address is private is refused', async () => {
    const both: ResolveName = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ];
    await expect(get(new Outbound({ allowed: NOTHING, ports }, both), 'http://both.example/')).rejects.toThrow(
      /10\.0\.0\.1/,
    );
  });

  it('by another protocol goes to an address that was judged, too', async () => {
    const outbound = new Outbound({ allowed: NOTHING }, async () => [{ address: '10.0.0.1', family: 4 }]);
    expect(await outbound.addressOf(new URL('ldap://dc.example:389'), { timeoutMs: 1000 })).toBe('10.0.0.1');
    for (const host of ['169.254.169.254', '[fd00:ec2::254]']) {
      await expect(outbound.addressOf(new URL(`ldap://${host}`), { timeoutMs: 1000 })).rejects.toThrow(/credentials/);
    }
  });

  it('does not follow where an answer points to', async () => {
    const port = await listen((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    );
    const answered = await get(new Outbound({ allowed: NOTHING, ports }), `http://127.0.0.1:${port}/`, {
      allowsPrivate: true,
    });
    expect(answered.status).toBe(302);
  });

  it('reads no more than it was told, and waits no longer', async () => {
    const port = await listen((request, response) => {
      if (request.url === '/slow') {
        response.write('a');
        return;
      }
      response.end('x'.repeat(100_000));
    });
    const outbound = new Outbound({ allowed: NOTHING, ports });
    const answered = await get(outbound, `http://127.0.0.1:${port}/`, { allowsPrivate: true });
    expect([answered.body.length, answered.isCut]).toEqual([1000, true]);
    await expect(
      get(outbound, `http://127.0.0.1:${port}/slow`, { allowsPrivate: true, timeoutMs: 200 }),
    ).rejects.toThrow();
  });

  it('without TLS is refused at once where it is to be had and nothing could allow it', () => {
    const url = new URL('http://hooks.example.com/');
    const check = (allowed: string) => () =>
      new Outbound({ allowed: parseAllowed(allowed) }).check(url, { needsTls: true });
    expect(check('')).toThrow(/https/);
    expect(check('other.example.com')).toThrow(/https/);
    expect(check('hooks.example.com')).not.toThrow();
    // It may lead there.
    expect(check('10.0.0.0/8')).not.toThrow();
  });

  it('goes to an unusual port of a place that is allowed, and to no other one there', async () => {
    const port = await listen((_request, response) => response.end('here'));
    const outbound = new Outbound({ allowed: parseAllowed(`127.0.0.1:${port}`) });
    expect(String((await get(outbound, `http://127.0.0.1:${port}/`)).body)).toBe('here');
    await expect(get(outbound, `http://127.0.0.1:${port + 1}/`)).rejects.toThrow(/port/);
  });

  it('sends what it was given, by the name that was given', async () => {
    let seen = '';
    const port = await listen((request, response) => {
      request.on('data', (chunk: Buffer) => {
        seen += `${request.headers.host} ${request.headers['x-a']} ${chunk}`;
      });
      request.on('end', () => response.writeHead(201, { 'x-b': 'c' }).end('ok'));
    });
    const outbound = new Outbound({ allowed: NOTHING, ports }, async () => [{ address: '127.0.0.1', family: 4 }]);
    const wish = {
      method: 'POST',
      headers: { 'x-a': 'b' },
      body: 'text',
      timeoutMs: 2000,
      maxAnswerBytes: 10,
      allowsPrivate: true,
    } as const;
    const answered = await outbound.send({ ...wish, url: new URL(`http://name.example:${port}/`) });
    expect([answered.status, answered.headers['x-b'], String(answered.body)]).toEqual([201, 'c', 'ok']);
    expect(seen).toBe(`name.example:${port} b text`);
  });
});
