import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type SshOptions, sshArguments } from './arguments.ts';
import { installSshConfig, sshConfigText } from './config-file.ts';
import { jumpKeysFile, knownHostsText, writeJumpKeys } from './known-hosts.ts';
import { readPublicKey } from './public-key.ts';

const renew = ['/bin/true', "it's 100% sure"];

describeWith(['openssh client'], 'with OpenSSH', () => {
  let home: string;
  let line: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'easel ssh-'));
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      'ada@laptop',
      '-f',
      join(home, '.ssh/id_ed25519'),
    ]);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, '.ssh/other')]);
    line = readFileSync(join(home, '.ssh/id_ed25519.pub'), 'utf8');
  });
  afterAll(() => rmSync(home, { recursive: true }));

  describe('a public key', () => {
    it('is read with its comment, and has the fingerprint that ssh-keygen shows', () => {
      const key = readPublicKey(line, 'id_ed25519.pub');
      expect(key.comment).toBe('ada@laptop');
      const shown = execFileSync('ssh-keygen', ['-l', '-f', join(home, '.ssh/id_ed25519.pub')], { encoding: 'utf8' });
      expect(shown).toContain(key.fingerprint);
    });

    it('is never a private key', () => {
      const text = readFileSync(join(home, '.ssh/id_ed25519'), 'utf8');
      expect(() => readPublicKey(text, 'id_ed25519')).toThrow(
        /is a private key, which must never leave this machine; add its public half: id_ed25519\.pub/,
      );
      expect(() => readPublicKey('PuTTY-User-Key-File-3: ssh-ed25519', 'key.ppk')).toThrow(/private key/);
    });

    it.each([
      ['', /is empty/],
      ['hello', /is no public key/],
      ['ssh-ed25519 AAAA\nssh-rsa BBBB', /one key at a time/],
    ])('is not %j', (text, message) => expect(() => readPublicKey(text, 'file')).toThrow(message));
  });

  describe('the arguments of ssh', () => {
    const target = { host: 'jump.example.com', port: 7022, user: 'shop', hostKeys: [] as string[] };
    const argumentsFor = (options: SshOptions, command: string[] = []) =>
      sshArguments(target, { options, identityFile: '/c d/id', configDir: '/c d/easel', home: '/home/ada', command });

    it('name host, port and login, and keep the command apart from options', () => {
      const args = argumentsFor({}, ['uname', '-a']);
      expect(args.slice(-8)).toEqual(['-p', '7022', '-l', 'shop', '--', 'jump.example.com', 'uname', '-a']);
    });

    it('offer one key alone', () => {
      expect(argumentsFor({}).slice(0, 4)).toEqual(['-i', '/c d/id', '-o', 'IdentitiesOnly=yes']);
    });

    it('are understood by ssh itself', () => {
      const args = argumentsFor({ forwardAgent: true, tty: true, option: ['ConnectTimeout=7'] });
      const understood = execFileSync('ssh', ['-F', 'none', '-G', ...args], { encoding: 'utf8' });
      for (const expected of [
        'hostname jump.example.com',
        'port 7022',
        'user shop',
        'connecttimeout 7',
        'forwardagent yes',
        'stricthostkeychecking accept-new',
        'userknownhostsfile /c d/easel/known_hosts /home/ada/.ssh/known_hosts',
      ])
        expect(understood).toContain(`${expected}\n`);
    });
  });

  it('a host whose keys the API names is believed with these alone', async () => {
    const [algorithm, key] = line.split(' ');
    const target = { host: 'jump.example.com', port: 7022, user: 'shop', hostKeys: [`${algorithm} ${key}`] };
    const configDir = join(home, 'c d');
    await writeJumpKeys(configDir, target);
    const file = jumpKeysFile(configDir, target);
    const found = execFileSync('ssh-keygen', ['-F', '[jump.example.com]:7022', '-f', file], { encoding: 'utf8' });
    expect(found).toContain(`${algorithm} ${key}`);
    const args = sshArguments(target, { options: {}, identityFile: '/k', configDir, home, command: [] });
    writeFileSync(join(home, 'strict'), sshConfigText('https://easel.example.com', [target], { configDir, renew }));
    for (const words of [
      ['-F', 'none', '-G', ...args],
      ['-F', join(home, 'strict'), '-G', 'shop.easel'],
    ]) {
      const understood = execFileSync('ssh', words, { encoding: 'utf8' });
      expect(understood).toContain('stricthostkeychecking true\n');
      expect(understood).toContain(`userknownhostsfile ${file}\n`);
      expect(understood).toContain('globalknownhostsfile none\n');
    }
  });

  it('a host on the usual port stands without it, and its name never leaves the folder', () => {
    const jump = { host: 'jump', port: 22, hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa BBBB'] };
    expect(knownHostsText(jump)).toBe('jump ssh-ed25519 AAAA\njump ssh-rsa BBBB\n');
    expect(jumpKeysFile('/c', { ...jump, host: 'fe80::1%eth0/../x' })).toBe('/c/host-keys/fe80__1_eth0_.._x_22');
  });

  describe('the configuration of ssh', () => {
    const text = () =>
      sshConfigText(
        'https://easel.example.com',
        [{ host: 'jump.example.com', port: 7022, user: 'shop', hostKeys: [] as string[] }],
        { configDir: '/c d/easel', renew },
      );

    it('gives each environment a name of its own', () => {
      writeFileSync(join(home, 'config'), text());
      const understood = execFileSync('ssh', ['-F', join(home, 'config'), '-G', 'shop.easel'], { encoding: 'utf8' });
      expect(understood).toMatch(/^hostname jump\.example\.com$/m);
      expect(understood).toMatch(/^user shop$/m);
      expect(understood).toMatch(/^port 7022$/m);
      expect(understood).toMatch(/^certificatefile \/c d\/easel\/certificates\/https_easel.example.com\/id-cert.pub$/m);
      const failing = { configDir: '/c d/easel', renew: ['/bin/false'] };
      const target = { host: 'jump.example.com', port: 7022, user: 'shop', hostKeys: [] };
      writeFileSync(join(home, 'config'), sshConfigText('https://easel.example.com', [target], failing));
      const without = execFileSync('ssh', ['-F', join(home, 'config'), '-G', 'shop.easel'], { encoding: 'utf8' });
      expect(without).not.toMatch(/^certificatefile/m);
      expect(without).toMatch(/^user shop$/m);
    });

    it('is included in front of what the user has, once', async () => {
      const config = join(home, '.ssh/config');
      writeFileSync(config, 'Host *\n  User ada\n');
      const path = await installSshConfig(home, text());
      await installSshConfig(home, text());
      expect(path).toBe(join(home, '.ssh/easel_config'));
      expect(readFileSync(config, 'utf8')).toBe('Include easel_config\n\nHost *\n  User ada\n');
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });
  });
});
