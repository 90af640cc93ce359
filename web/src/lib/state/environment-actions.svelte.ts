/**
 * Start, stop and delete, wherever they are pressed: from a row, a page or a key. What would end something first opens its
 * dialog (`asking`); refusals become toasts. A second press while the first is on its way does nothing.
 */
import { SvelteSet } from 'svelte/reactivity';
import { toast } from 'svelte-sonner';
import type { Answer, Api } from '#lib/api/client.ts';
import {
  deleteEnvironment,
  type EnvironmentRow,
  startEnvironment,
  stopEnvironment,
} from '#lib/operations/environments.ts';
import { texts } from '#lib/texts.ts';

export type Asking = { kind: 'stop' | 'delete'; row: EnvironmentRow };
type Result = { __typename: string; code?: string; message?: string };

export class EnvironmentActions {
  #asking = $state.raw<Asking | null>(null);
  readonly #busy = new SvelteSet<string>();
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The question that is open now. */
  get asking(): Asking | null {
    return this.#asking;
  }

  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  dismiss(): void {
    this.#asking = null;
  }

  start(row: Pick<EnvironmentRow, 'id' | 'name'>): Promise<boolean> {
    return this.#run(row, texts.actions.startFailed(row.name), () =>
      this.#api.change(startEnvironment, { id: row.id }),
    );
  }

  /** Stops at once when nobody is connected; asks first when open sessions would be cut. */
  async stop(row: EnvironmentRow): Promise<boolean> {
    const open = (row.activity?.sshSessions ?? 0) + (row.activity?.portStreams ?? 0);
    if (open === 0) return this.stopNow(row);
    this.#asking = { kind: 'stop', row };
    return false;
  }

  stopNow(row: Pick<EnvironmentRow, 'id' | 'name'>): Promise<boolean> {
    return this.#run(row, texts.actions.stopFailed(row.name), () => this.#api.change(stopEnvironment, { id: row.id }));
  }

  askToStop(row: EnvironmentRow): void {
    this.#asking = { kind: 'stop', row };
  }

  askToDelete(row: EnvironmentRow): void {
    this.#asking = { kind: 'delete', row };
  }

  /** `isForced`: the person has confirmed that unsaved work is lost. */
  remove(row: Pick<EnvironmentRow, 'id' | 'name'>, isForced: boolean): Promise<boolean> {
    return this.#run(row, texts.actions.deleteFailed(row.name), () =>
      this.#api.change(deleteEnvironment, { id: row.id, force: isForced }),
    );
  }

  async #run(
    row: Pick<EnvironmentRow, 'id' | 'name'>,
    title: string,
    ask: () => Promise<Answer<{ result: Result }>>,
  ): Promise<boolean> {
    if (this.#busy.has(row.id)) return false;
    this.#busy.add(row.id);
    try {
      const { data, problem } = await ask();
      const message = problem?.message ?? data?.result.message ?? null;
      if (message === null) return true;
      toast.error(title, { description: message });
      return false;
    } finally {
      this.#busy.delete(row.id);
    }
  }
}
