import type { EnvironmentWithAccess, Step } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { plain } from '../output/clean.ts';
import { duration, relative, size } from '../output/format.ts';
import type { Cell, Output, Style } from '../output/output.ts';
import { findEnvironment } from './find.ts';
import { paintPhase } from './phase.ts';

const STEP_STYLES: Record<Step['state'], Style> = {
  waiting: 'dim',
  active: 'cyan',
  done: 'green',
  skipped: 'dim',
  failed: 'red',
};
const LABEL_COLUMNS = 12;

export async function show({ api: open, out }: Context, name: string): Promise<void> {
  const environment = await findEnvironment(await open(), name);
  out.json(environment);
  showFacts(out, environment);
  showFailure(out, environment);
  showSteps(out, environment);
  showWaysIn(out, environment);
}

function showFacts(out: Output, environment: EnvironmentWithAccess): void {
  const nowMs = Date.now();
  const { resources, activity } = environment;
  const fact = (label: string, value: string | null | undefined) => {
    if (value) out.line(`${label.padEnd(LABEL_COLUMNS)}${plain(value)}`);
  };
  const phase = paintPhase(out, environment.phase);
  out.line(`${out.paint('bold', environment.name)}  ${phase}  ${out.paint('dim', environment.id)}`);
  fact('why', environment.reason);
  fact('wanted', environment.desired === environment.phase ? null : environment.desired);
  fact('worker', environment.connectivity === 'none' ? null : worker(environment, nowMs));
  fact('template', environment.templateName);
  fact('repository', [environment.repositoryUrl, environment.branch ?? ''].join(' ').trim());
  fact('created', relative(environment.createdAt, nowMs));
  if (environment.phase === 'running') fact('started', relative(environment.startedAt, nowMs));
  if (environment.phase === 'stopped') fact('stopped', relative(environment.stoppedAt, nowMs));
  if (activity)
    fact('activity', [relative(activity.lastActiveAt, nowMs), activity.sources.join(', ')].filter(Boolean).join('  '));
  if (resources)
    fact(
      'resources',
      [
        `${resources.cpus.toFixed(2)} CPUs`,
        `${size(resources.memoryBytes)} memory${resources.memoryLimitBytes === null ? '' : ` of ${size(resources.memoryLimitBytes)}`}`,
        // Measured now and then: there is none at first.
        ...(resources.diskTotalBytes > 0
          ? [`disk ${size(resources.diskUsedBytes)} of ${size(resources.diskTotalBytes)}`]
          : []),
        `${resources.processes} processes`,
      ].join(', '),
    );
  for (const git of environment.git)
    fact(
      'git',
      [
        git.path,
        git.branch ?? 'no branch',
        git.commit?.slice(0, 10) ?? 'no commit',
        `${git.uncommitted} uncommitted`,
        git.unpushed === null ? 'not pushed anywhere' : `${git.unpushed} unpushed`,
      ].join('  '),
    );
}

function worker({ connectivity, runtime, platform, lastSeenAt }: EnvironmentWithAccess, nowMs: number): string {
  const where = [runtime, platform?.name].filter(Boolean).join(' on ');
  return [connectivity, where, lastSeenAt === null ? '' : `seen ${relative(lastSeenAt, nowMs)}`]
    .filter(Boolean)
    .join(', ');
}

function showFailure(out: Output, { failure }: EnvironmentWithAccess): void {
  if (!failure) return;
  const exit = failure.exitCode === null ? '' : `, exit code ${failure.exitCode}`;
  const where = failure.step === null ? '' : ` in the step ${failure.step}`;
  out.line();
  out.line(out.paint('red', `Failed${where} (${failure.class}${exit}): ${plain(failure.message)}`));
  out.line(plain(failure.advice));
}

function showSteps(out: Output, { steps }: EnvironmentWithAccess): void {
  if (steps.length === 0) return;
  out.line();
  out.table(
    ['STEP', '', 'STATE', 'TIME', ''],
    steps.map((step): Cell[] => [
      String(step.number),
      step.name,
      { text: step.state, style: STEP_STYLES[step.state] },
      step.durationMs === null ? '' : duration(step.durationMs),
      step.text,
    ]),
  );
}

function showWaysIn(out: Output, { name, access, ports, idePort }: EnvironmentWithAccess): void {
  if (!access) return;
  out.line();
  const ways: [string, string][] = [
    ['ssh', access.sshCommand],
    ['', `easel ssh ${name}`],
    ['project', access.project],
    ['host key', access.hostKeyFingerprint],
    ['VS Code', access.vscodeUrl],
    ['JetBrains', access.gatewayUrl],
    ['Toolbox', access.toolboxUrl],
  ];
  if (idePort !== null) ways.push(['IDE', `easel connect ${name}`]);
  for (const [label, value] of ways) out.line(`${label.padEnd(LABEL_COLUMNS)}${plain(value)}`);
  for (const { port, process } of ports)
    out.line(`${'port'.padEnd(LABEL_COLUMNS)}${port}  ${plain(process ?? '')}  easel forward ${name} ${port}`);
}
