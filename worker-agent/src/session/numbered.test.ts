import { expect, test } from 'vitest';
import { Numbered } from './numbered.ts';

function wire() {
  const sent: [number, string][] = [];
  let isOpen = true;
  const numbered = new Numbered<string>((number, item) => {
    if (isOpen) sent.push([number, item]);
    return isOpen;
  });
  return { sent, numbered, block: (blocked: boolean) => (isOpen = !blocked) };
}

test('nothing is sent before the other side says what it has', () => {
  const { sent, numbered } = wire();
  numbered.add('a');
  numbered.add('b');
  expect(sent).toEqual([]);
  numbered.resume(0);
  expect(sent).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
  numbered.add('c');
  expect(sent.at(-1)).toEqual([3, 'c']);
});

test('after a reconnect exactly what was not stored is sent again, in order', () => {
  const { sent, numbered } = wire();
  numbered.resume(0);
  for (const item of ['a', 'b', 'c']) numbered.add(item);
  numbered.acknowledge(1);
  numbered.pause();
  numbered.add('d');
  sent.length = 0;
  numbered.resume(2);
  expect(sent).toEqual([
    [3, 'c'],
    [4, 'd'],
  ]);
});

test('what the line did not take is sent when the line is back', () => {
  const { sent, numbered, block } = wire();
  numbered.resume(0);
  block(true);
  numbered.add('a');
  numbered.add('b');
  numbered.pause();
  block(false);
  numbered.resume(0);
  expect(sent).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
});

test('a late or doubled acknowledgement changes nothing', () => {
  const { numbered } = wire();
  numbered.resume(0);
  numbered.add('a');
  numbered.add('b');
  numbered.acknowledge(2);
  numbered.acknowledge(1);
  numbered.acknowledge(2);
  expect(numbered.unacknowledged).toBe(0);
});

test('an acknowledgement of what was never sent does not swallow what comes', () => {
  const { sent, numbered } = wire();
  numbered.resume(9);
  numbered.add('a');
  expect(sent).toEqual([[1, 'a']]);
});

test('stale news that was never sent gives way to newer; what was sent keeps its number and its words', () => {
  const { sent, numbered } = wire();
  const isProgress = (item: string) => item.startsWith('progress');
  numbered.replaceNewest('progress 1', isProgress);
  numbered.replaceNewest('progress 2', isProgress);
  numbered.resume(0);
  numbered.replaceNewest('progress 3', isProgress);
  numbered.pause();
  numbered.replaceNewest('progress 4', isProgress);
  numbered.add('done');
  numbered.replaceNewest('progress 5', isProgress);
  numbered.resume(0);
  expect(sent).toEqual([
    [1, 'progress 2'],
    [2, 'progress 3'],
    [1, 'progress 2'],
    [2, 'progress 3'],
    [3, 'progress 4'],
    [4, 'done'],
    [5, 'progress 5'],
  ]);
});

test('settled resolves once everything is acknowledged', async () => {
  const { numbered } = wire();
  await numbered.settled();
  numbered.resume(0);
  numbered.add('a');
  let isSettled = false;
  const settled = numbered.settled().then(() => (isSettled = true));
  await Promise.resolve();
  expect(isSettled).toBe(false);
  numbered.acknowledge(1);
  await settled;
});
