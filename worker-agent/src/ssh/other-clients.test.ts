/** The SSH side against clients that are not OpenSSH. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemPython } from '../../../test/kit/components.ts';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type ListeningSsh, listenSsh } from '../../test/listen-ssh.ts';
import { type StartedInside, startHere } from '../../test/start-inside.ts';

const data = randomBytes(20 * 1024 * 1024);
let started: StartedInside;
let ssh: ListeningSsh;

beforeAll(async () => {
  started = await startHere();
  ssh = await listenSsh({ inside: started.inside });
}, 60_000);
afterAll(async () => {
  await ssh[Symbol.asyncDispose]();
  await started[Symbol.asyncDispose]();
});

async function run(program: string, args: string[], input: Buffer = Buffer.alloc(0)) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { stdout: await buffer(child.stdout), code: await exit };
}

describeWith(['openssh client', 'dropbear'], 'Dropbear', () => {
  it('runs commands with their exit code, and carries every byte', async () => {
    const key = join(ssh.folder, 'dropbear');
    execFileSync('dropbearconvert', ['openssh', 'dropbear', ssh.identityFile, key], { stdio: 'ignore' });
    const args = ['-y', '-y', '-p', String(ssh.port), '-i', key, 'x@127.0.0.1'];
    expect((await run('dbclient', [...args, 'exit 5'])).code).toBe(5);
    expect((await run('dbclient', [...args, 'cat'], data)).stdout.equals(data)).toBe(true);
  }, 60_000);
});

describeWith(['openssh client', 'putty'], 'PuTTY', () => {
  it('runs commands with their exit code, and carries every byte', async () => {
    const key = join(ssh.folder, 'putty.ppk');
    execFileSync('puttygen', [ssh.identityFile, '-O', 'private', '-o', key], { stdio: 'ignore' });
    const print = execFileSync('ssh-keygen', ['-lf', join(ssh.folder, 'host')], { encoding: 'utf8' }).split(' ')[1]!;
    const args = ['-ssh', '-batch', '-P', String(ssh.port), '-i', key, '-hostkey', print, 'x@127.0.0.1'];
    for (let i = 0; i < 5; i++) expect((await run('plink', [...args, 'exit 4'])).code).toBe(4);
    expect((await run('plink', [...args, 'cat'], data)).stdout.equals(data)).toBe(true);
  }, 60_000);
});

describeWith(['openssh client', 'paramiko'], 'Paramiko', () => {
  const script = `
import paramiko, sys
port, key, sample = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect('127.0.0.1', port=port, username='x', pkey=paramiko.Ed25519Key.from_private_key_file(key), allow_agent=False, look_for_keys=False)
stdin, stdout, stderr = client.exec_command('cat; echo err >&2; exit 9')
stdin.write('in'); stdin.channel.shutdown_write()
assert (stdout.read(), stderr.read(), stdout.channel.recv_exit_status()) == (b'in', b'err\\n', 9)
files = client.open_sftp()
files.put(sample, 'there'); files.get('there', sample + '.back')
assert open(sample, 'rb').read() == open(sample + '.back', 'rb').read()
with files.open('appended', 'a') as f: f.write('a')
with files.open('appended', 'a') as f: f.write('b')
assert files.open('appended').read() == b'ab'
shell = client.invoke_shell(width=99, height=33)
shell.send('stty size; exit 3\\n')
seen = b''
while True:
    part = shell.recv(9999)
    if not part: break
    seen += part
assert b'33 99' in seen and shell.recv_exit_status() == 3
`;
  it('runs commands and shells, and works on files', async () => {
    const sample = join(ssh.folder, 'sample');
    writeFileSync(sample, data);
    const { code } = await run(systemPython, ['-c', script, String(ssh.port), ssh.identityFile, sample]);
    expect(code).toBe(0);
  }, 60_000);
});

describeWith(['openssh client', 'ssh-audit'], 'ssh-audit', () => {
  it('finds no algorithm to complain about', async () => {
    const { stdout } = await run('ssh-audit', ['-n', '-p', String(ssh.port), '127.0.0.1']);
    const complaints = stdout
      .toString()
      .split('\n')
      .filter((line) => /\[(fail|warn)\]/.test(line));
    // A mark and no algorithm; older versions of the program do not know it.
    expect(complaints.filter((line) => !line.includes('kex-strict-s-v00@openssh.com'))).toEqual([]);
    expect(stdout.toString()).toContain('compression: disabled');
  }, 60_000);
});
