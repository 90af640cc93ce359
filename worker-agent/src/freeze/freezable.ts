/**
 * Whether a volume may be frozen: only a file system that nothing but the volume lives on. Freezing the disk of a node, as a
 * volume that is a folder of it would, stops everything on that node. Source: proc_pid_mountinfo(5), fsfreeze(8).
 */

interface Mount {
  device: string;
  /** The folder of the file system that is mounted. */
  root: string;
  point: string;
  type: string;
}

/** File systems that are frozen whole and without loss. */
const FREEZABLE = new Set(['ext4', 'xfs']);

/** `mountInfo` is the text of /proc/self/mountinfo; `dir` is where the volume is mounted, with no link in it. */
export function isFreezable(mountInfo: string, dir: string): boolean {
  const mounts = mountInfo.split('\n').filter(Boolean).map(parseMount);
  // What is mounted last at a place is what is seen there.
  const volume = mounts.findLast(({ point }) => point === dir);
  if (volume?.root !== '/' || !FREEZABLE.has(volume.type)) return false;
  const isBelow = (point: string) => point === dir || point.startsWith(`${dir}/`);
  // Mounted elsewhere too: it is the disk of somebody else, ours included.
  return mounts.every(({ device, point }) => device !== volume.device || isBelow(point));
}

function parseMount(line: string): Mount {
  const [own = '', described = ''] = line.split(' - ');
  const [, , device = '', root = '', point = ''] = own.split(' ');
  return { device, root: unescaped(root), point: unescaped(point), type: described.split(' ', 1)[0] ?? '' };
}

/** Space, tab, newline and backslash are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
