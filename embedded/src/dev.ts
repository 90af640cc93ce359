/**
 * `npm run dev`: watches the sources, builds what is older than them, and starts the processes again that they belong to.
 * Changes that come while that goes on are taken together afterwards. Environments that run keep their worker: a change of
 * the worker's sources shows in the next one that starts.
 */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { build } from './building/build.ts';
import { BUILD_STEPS } from './building/steps.ts';
import type { Screen } from './screen.ts';
import type { ServiceName } from './services.ts';
import type { Supervised } from './supervised.ts';

/** What is watched, and which processes read it. */
const watched: Readonly<Record<string, readonly ServiceName[]>> = {
  'server/src': ['server'],
  'scheduler/src': ['scheduler'],
  'relay/src': ['relay'],
  'jump/src': ['jump'],
  'kit/src': ['server', 'scheduler', 'relay', 'jump'],
  'schema/src': ['server', 'scheduler', 'relay', 'jump'],
  'schema/database': ['server'],
  'web/src': ['server'],
  'web/static': ['server'],
  'worker-agent/src': [],
};
/** Tests run elsewhere, and what a build writes is not a change. */
const notCounted = /(^|\/)generated\/|\.test\.ts$|(^|\/)\./;
/** An editor writes several files at once. */
const settleMs = 300;

/** Which of the services a changed file belongs to; null when it does not matter. */
export function affected(folder: string, file: string): readonly ServiceName[] | null {
  return notCounted.test(file) ? null : (watched[folder] ?? null);
}

/** Watches until the signal aborts. */
export function watchSources(options: {
  checkout: string;
  services: Readonly<Record<ServiceName, Supervised>>;
  screen: Screen;
  signal: AbortSignal;
}): void {
  const { checkout, services, screen, signal } = options;
  const due = new Set<ServiceName>();
  let isChanged = false;
  let isApplying = false;
  let timer: NodeJS.Timeout | undefined;

  const apply = async () => {
    if (isApplying || signal.aborted) return;
    isApplying = true;
    while (isChanged && !signal.aborted) {
      isChanged = false;
      const names = [...due];
      due.clear();
      try {
        await build(checkout, BUILD_STEPS, screen, signal);
        await Promise.all(names.map((name) => services[name].restart()));
      } catch (err) {
        // A source that does not build is the normal case here: the next change may mend it.
        if (!signal.aborted) screen.problem((err as Error).message);
      }
    }
    isApplying = false;
  };

  for (const folder of Object.keys(watched)) {
    watch(join(checkout, folder), { recursive: true, signal }, (_event, file) => {
      const names = affected(folder, String(file));
      if (!names) return;
      for (const name of names) due.add(name);
      isChanged = true;
      clearTimeout(timer);
      timer = setTimeout(() => void apply(), settleMs);
    });
  }
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  screen.line('watching the sources: a change starts what it belongs to again');
}
