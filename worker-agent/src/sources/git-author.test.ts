import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gitConfigOf } from './git-author.ts';

test.each([
  { login: 'ada', name: 'Ada Lovelace', email: 'ada@example.com' },
  { login: 'ada', name: 'Ada "Countess" \\ O’Lovelace # ; =', email: null },
  { login: 'ada', name: 'Ada\n[core]\n\tfsmonitor = touch /tmp/owned', email: null },
  { login: 'ada', name: '', email: '' },
])('git reads the author $name as it is, and nothing else', (owner) => {
  const dir = mkdtempSync(join(tmpdir(), 'easel-author-'));
  try {
    const file = join(dir, 'config');
    writeFileSync(file, gitConfigOf(owner));
    const read = execFileSync('git', ['config', '--file', file, '--list', '-z'], { encoding: 'utf8' });
    const settings = Object.fromEntries(
      read
        .split('\0')
        .filter(Boolean)
        .map((entry) => entry.split('\n')),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what may not be in a name
    const name = (owner.name || owner.login).replace(/[\u0000-\u001f]/g, ' ');
    expect(settings).toEqual({ 'user.name': name, ...(owner.email ? { 'user.email': owner.email } : {}) });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
