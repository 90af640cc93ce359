/** Keys of the list: j and k move the focus from row to row, the others act on the row that has it. */
import { toast } from 'svelte-sonner';
import { copyText } from '#lib/copy.ts';
import type { EnvironmentRow } from '#lib/operations/environments.ts';
import { mayDelete, mayStart, mayStop } from '#lib/phases.ts';
import type { EnvironmentActions } from '#lib/state/environment-actions.svelte.ts';
import type { Shortcut } from '#lib/state/shortcuts.svelte.ts';
import { texts } from '#lib/texts.ts';

const links = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-environment-link]')];

function move(by: 1 | -1): void {
  const all = links();
  const index = all.findIndex((link) => link.closest('li')?.contains(document.activeElement));
  const next = index === -1 ? (by === 1 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, index + by));
  all[next]?.focus();
  all[next]?.scrollIntoView({ block: 'nearest' });
}

function focusedId(): string | null {
  const item = document.activeElement?.closest('li');
  return item?.querySelector('[data-environment-link]')?.getAttribute('data-environment-link') ?? null;
}

export function listShortcuts(context: {
  rowOf: (id: string) => EnvironmentRow | undefined;
  actions: EnvironmentActions;
}): Shortcut[] {
  const group = texts.shortcuts.groups.list;
  const onRow = (run: (row: EnvironmentRow) => void) => () => {
    const row = context.rowOf(focusedId() ?? '');
    if (row) run(row);
  };
  return [
    { keys: 'j', label: texts.shortcuts.next, group, run: () => move(1) },
    { keys: 'k', label: texts.shortcuts.previous, group, run: () => move(-1) },
    {
      keys: 'o',
      label: texts.shortcuts.open,
      group,
      run: () => {
        if (focusedId())
          links()
            .find((link) => link.dataset.environmentLink === focusedId())
            ?.click();
      },
    },
    {
      keys: 's',
      label: texts.shortcuts.startStop,
      group,
      run: onRow((row) => {
        if (mayStart(row.phase)) void context.actions.start(row);
        else if (mayStop(row.phase)) void context.actions.stop(row);
      }),
    },
    {
      keys: 'd',
      label: texts.shortcuts.delete,
      group,
      run: onRow((row) => mayDelete(row.phase) && context.actions.askToDelete(row)),
    },
    {
      keys: 'y',
      label: texts.shortcuts.copySsh,
      group,
      run: onRow((row) => {
        if (!row.access) toast.info(texts.actions.noSsh);
        else void copyText(row.access.sshCommand).then((isDone) => isDone && toast.success(texts.actions.sshCopied));
      }),
    },
  ];
}
