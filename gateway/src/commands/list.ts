import { type Environment, environmentsQuery } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import type { Cell } from '../output/output.ts';
import { PHASE_STYLES } from './phase.ts';

interface ListOptions {
  readonly search?: string;
  readonly phase?: readonly string[];
}

export async function list({ api: open, out }: Context, options: ListOptions): Promise<void> {
  const api = await open();
  const environments = await api.all(environmentsQuery, { search: options.search, phases: options.phase });
  out.json(environments);
  if (environments.length === 0) {
    const isFiltered = options.search !== undefined || options.phase !== undefined;
    out.note(isFiltered ? 'none matches' : 'no environments yet; `easel create NAME` makes one');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'PHASE', 'TEMPLATE', 'BRANCH', 'CREATED', 'ACTIVE', ''],
    environments.map((environment): Cell[] => [
      environment.name,
      { text: environment.phase, style: PHASE_STYLES[environment.phase] },
      environment.templateName,
      environment.branch ?? '-',
      relative(environment.createdAt, nowMs),
      relative(environment.activity?.lastActiveAt ?? null, nowMs),
      remark(environment),
    ]),
  );
}

/** The one thing worth knowing beside the phase. */
function remark({ failure, reason, git, connectivity }: Environment): string {
  if (failure) return failure.message;
  if (reason !== null) return reason;
  if (connectivity === 'lost') return 'its worker is not heard';
  const uncommitted = git.reduce((sum, status) => sum + status.uncommitted, 0);
  const unpushed = git.reduce((sum, status) => sum + (status.unpushed ?? 0), 0);
  return [uncommitted ? `${uncommitted} uncommitted` : '', unpushed ? `${unpushed} unpushed` : '']
    .filter(Boolean)
    .join(', ');
}
