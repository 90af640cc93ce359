import { expect, test } from 'vitest';
import { parseStatus } from './git-status.ts';

test('a clone with changes', () => {
  const text = [
    '# branch.oid 89a0809f6a1f5b7c8d9e0f1a2b3c4d5e6f708192',
    '# branch.head feature/login',
    '# branch.upstream origin/feature/login',
    '# branch.ab +1 -0',
    '1 .M N... 100644 100644 100644 aaa bbb README.md',
    '? new file',
    '',
  ].join('\n');
  expect(parseStatus(text)).toEqual({
    branch: 'feature/login',
    commit: '89a0809f6a1f5b7c8d9e0f1a2b3c4d5e6f708192',
    uncommitted: 2,
  });
});

test('a clone without a commit', () => {
  expect(parseStatus('# branch.oid (initial)\n# branch.head main\n')).toEqual({
    branch: 'main',
    commit: null,
    uncommitted: 0,
  });
});

test('a commit that is checked out without a branch', () => {
  expect(parseStatus('# branch.oid abc\n# branch.head (detached)\n').branch).toBeNull();
});
