import { expect, test } from 'vitest';
import { readDaemonLine } from './log-line.ts';

const at = 'time="2026-11-23T22:22:32.695512502Z"';

test('a warning is told in its own words', () => {
  const line = `${at} level=warning msg="Error getting v2 registry: Get \\"https://a/v2/\\": refused" module=x`;
  expect(readDaemonLine(line)).toEqual({
    text: 'warning: Error getting v2 registry: Get "https://a/v2/": refused',
    isChatter: false,
    isGrave: false,
  });
});

test('an error brings its cause along', () => {
  const line = `${at} level=error msg="containerd did not exit successfully" error="signal: killed" module=libcontainerd`;
  expect(readDaemonLine(line).text).toBe('error: containerd did not exit successfully: signal: killed');
});

test('what children of containerd say of themselves is chatter', () => {
  expect(readDaemonLine(`${at} level=info msg="starting signal loop" pid=145`).isChatter).toBe(true);
});

test('the reason of an end is grave; a line of another form stays as it is', () => {
  expect(readDaemonLine('failed to start daemon: no space left on device')).toEqual({
    text: 'failed to start daemon: no space left on device',
    isChatter: false,
    isGrave: true,
  });
  expect(readDaemonLine('unknown flag: --level=info msg=1')).toMatchObject({ isChatter: false, isGrave: false });
  expect(readDaemonLine(`${at} level=fatal msg=gone`).isGrave).toBe(true);
});
