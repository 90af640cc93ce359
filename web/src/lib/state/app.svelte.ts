/** What every signed-in page shares: the API, the viewer, the environments, the shortcuts. Set once by the (app) layout. */
import { createContext } from 'svelte';
import type { Api } from '#lib/api/client.ts';
import type { Viewer } from '#lib/operations/account.ts';
import type { EnvironmentActions } from './environment-actions.svelte.ts';
import type { Environments } from './environments.svelte.ts';
import type { Shortcuts } from './shortcuts.svelte.ts';

export type App = {
  api: Api;
  /** Null until the first answer. */
  readonly viewer: Viewer | null;
  environments: Environments;
  actions: EnvironmentActions;
  shortcuts: Shortcuts;
};

export const [useApp, provideApp] = createContext<App>();
