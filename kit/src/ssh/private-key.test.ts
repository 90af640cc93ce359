import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { newSshKeyPair, publicHalfOf } from './private-key.ts';

describeWith(['openssh client'], 'a new key pair', () => {
  it('is read by OpenSSH, which finds the same public half', () => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-pair-'));
    const file = join(folder, 'key');
    for (let i = 0; i < 20; i++) {
      const comment = 'x'.repeat(i);
      const { privateKey, publicKey, fingerprint } = newSshKeyPair(comment);
      writeFileSync(file, privateKey, { mode: 0o600 });
      const found = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      expect(publicHalfOf(privateKey)).toBe(publicKey);
      expect(found.trim()).toBe(`${publicKey} ${comment}`.trim());
      expect(execFileSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' })).toContain(fingerprint);
    }
    rmSync(folder, { recursive: true });
  });
});
