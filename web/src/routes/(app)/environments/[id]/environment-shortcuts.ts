import { toast } from 'svelte-sonner';
import { copyText } from '#lib/copy.ts';
import type { EnvironmentDetail } from '#lib/operations/environments.ts';
import { mayDelete, mayStart, mayStop } from '#lib/phases.ts';
import type { EnvironmentActions } from '#lib/state/environment-actions.svelte.ts';
import type { Shortcut } from '#lib/state/shortcuts.svelte.ts';
import { texts } from '#lib/texts.ts';

export function environmentShortcuts(context: {
  environment: () => EnvironmentDetail | null;
  actions: EnvironmentActions;
  toList: () => void;
  searchLog: () => void;
  followLog: () => void;
}): Shortcut[] {
  const group = texts.shortcuts.groups.environment;
  const withIt = (run: (environment: EnvironmentDetail) => void) => () => {
    const environment = context.environment();
    if (environment) run(environment);
  };
  return [
    {
      keys: 's',
      label: texts.shortcuts.startStop,
      group,
      run: withIt((environment) => {
        if (mayStart(environment.phase)) void context.actions.start(environment);
        else if (mayStop(environment.phase)) void context.actions.stop(environment);
      }),
    },
    {
      keys: 'd',
      label: texts.shortcuts.delete,
      group,
      run: withIt((environment) => mayDelete(environment.phase) && context.actions.askToDelete(environment)),
    },
    {
      keys: 'y',
      label: texts.shortcuts.copySsh,
      group,
      run: withIt((environment) => {
        if (!environment.access) toast.info(texts.actions.noSsh);
        else
          void copyText(environment.access.sshCommand).then(
            (isDone) => isDone && toast.success(texts.actions.sshCopied),
          );
      }),
    },
    { keys: 'u', label: texts.shortcuts.back, group, run: context.toList },
    { keys: '/', label: texts.shortcuts.searchLog, group: texts.shortcuts.groups.log, run: context.searchLog },
    { keys: 'f', label: texts.shortcuts.followLog, group: texts.shortcuts.groups.log, run: context.followLog },
  ];
}
