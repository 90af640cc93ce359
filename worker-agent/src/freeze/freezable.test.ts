import { expect, test } from 'vitest';
import { isFreezable } from './freezable.ts';

const rest = `1 0 0:50 / / rw - overlay overlay rw,lowerdir=/a
2 1 0:60 / /proc rw - proc proc rw
3 1 8:1 /var/lib/kubelet/pods/x/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw
`;

test.each([
  ['a disk of its own', '4 1 8:16 / /easel/volume rw,relatime shared:5 - ext4 /dev/sdb rw', true],
  ['one with xfs', '4 1 8:16 / /easel/volume rw - xfs /dev/sdb rw', true],
  [
    'one that the Docker daemon has bound again below',
    '4 1 8:16 / /easel/volume rw - ext4 /dev/sdb rw\n5 4 8:16 /docker /easel/volume/docker rw - ext4 /dev/sdb rw',
    true,
  ],
  ['a folder of a disk', '4 1 8:16 /pv/one /easel/volume rw - ext4 /dev/sdb rw', false],
  ['the whole disk of the node', '4 1 8:1 / /easel/volume rw - ext4 /dev/sda1 rw', false],
  [
    'a disk that is mounted elsewhere too',
    '4 1 8:16 / /easel/volume rw - ext4 /dev/sdb rw\n5 1 8:16 / /other rw - ext4 /dev/sdb rw',
    false,
  ],
  ['a network file system', '4 1 0:70 / /easel/volume rw - nfs4 server:/x rw', false],
  ['memory', '4 1 0:70 / /easel/volume rw - tmpfs tmpfs rw', false],
  ['a plain folder', '', false],
  [
    'a disk under something else',
    '4 1 8:16 / /easel/volume rw - ext4 /dev/sdb rw\n5 4 0:70 / /easel/volume rw - tmpfs tmpfs rw',
    false,
  ],
])('%s', (_name, lines, expected) => {
  expect(isFreezable(`${rest}${lines}\n`, '/easel/volume')).toBe(expected);
});

test('a name with a space', () => {
  expect(isFreezable('4 1 8:16 / /easel\\040x rw - ext4 /dev/sdb rw\n', '/easel x')).toBe(true);
});
