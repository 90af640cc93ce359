/** Says step by step what of a directory works, for the administrator who sets it up. */
import type { Entry } from 'ldapts';
import { DirectoryTrouble, type Step } from './ldap-connection.ts';
import type { Directories, LdapAccess } from './ldap-directory.ts';
import { claimsOfEntry, isActive } from './ldap-entry.ts';

export const CHECK_STEPS = ['connect', 'tls', 'bind', 'base', 'person', 'groups'] as const;
export type CheckStep = (typeof CHECK_STEPS)[number];

export interface Checked {
  step: CheckStep;
  isGood: boolean;
  /** What was found, or what is wrong. */
  message: string;
}

const GOOD: Record<Step, string> = {
  connect: 'the directory answers',
  tls: 'its certificate is good',
  bind: 'the account may search',
  search: '',
};

/** Ends with the first step that does not work. `login` is somebody to look for; without one, nobody is. */
export async function checkDirectory(
  directories: Directories,
  access: LdapAccess,
  { login, now }: { login: string | null; now: number },
): Promise<Checked[]> {
  const steps: Checked[] = [];
  const add = (step: CheckStep, isGood: boolean, message: string) => steps.push({ step, isGood, message });
  try {
    await directories.with(
      access,
      async (directory) => {
        const { baseDn } = access.settings;
        if (!(await directory.hasBase()))
          return add('base', false, `there is no ${baseDn}, or the account may not see it`);
        add('base', true, `${baseDn} is there`);
        if (!login) return;
        const entry = await directory.byLogin(login);
        if (!entry) return add('person', false, `the filter finds nobody, or more than one, for "${login}"`);
        const problem = personProblem(entry, access, now);
        add('person', problem === null, problem ?? entry.dn);
        if (problem !== null) return;
        const groups = await directory.groupsOf(entry);
        add('groups', true, groups.length === 0 ? 'in no group' : groups.slice(0, 50).join(', '));
      },
      (step) => {
        if (step !== 'search') add(step, true, GOOD[step]);
      },
    );
  } catch (err) {
    if (!(err instanceof DirectoryTrouble)) throw err;
    const next =
      err.step === 'search'
        ? steps.at(-1)?.step === 'person'
          ? 'groups'
          : steps.at(-1)?.step === 'base'
            ? 'person'
            : 'base'
        : err.step;
    add(next, false, err.message.slice(0, 500));
  }
  return steps;
}

function personProblem(entry: Entry, { settings }: LdapAccess, now: number): string | null {
  if (!claimsOfEntry(entry, settings)) return `${entry.dn} has not exactly one ${settings.subjectAttribute}`;
  return isActive(entry, now) ? null : `${entry.dn} is disabled or has expired`;
}
