/** What every signed-in page shares: the API, the viewer, the environments, the inbox, the shortcuts. Set once by the (app) layout. */
import { createContext } from 'svelte';
import type { Api } from '#lib/api/client.ts';
import type { ResultOf } from '#lib/api/graphql.ts';
import type { Live } from '#lib/api/live.svelte.ts';
import type { Viewer } from '#lib/operations/account.ts';
import type { inboxChanged } from '#lib/operations/notifications.ts';
import type { EnvironmentActions } from './environment-actions.svelte.ts';
import type { Environments } from './environments.svelte.ts';
import type { Shortcuts } from './shortcuts.svelte.ts';

export type App = {
  api: Api;
  /** Null until the first answer. */
  readonly viewer: Viewer | null;
  environments: Environments;
  /** One for all who look: whoever subscribes second is told only of what comes next. */
  inbox: Live<ResultOf<typeof inboxChanged>>;
  actions: EnvironmentActions;
  shortcuts: Shortcuts;
};

export const [useApp, provideApp] = createContext<App>();
