/**
 * Completion. The script of each shell asks `easel complete -- WORDS` for candidates, one a line, so that what can be typed
 * is known in one place: the commands themselves. Names come from the API, within a moment or not at all: a person waits.
 */
import type { Argument, Command, Option } from 'commander';
import { environmentNamesQuery } from '../api/environments.ts';
import { instanceTypesQuery } from '../api/instance-types.ts';
import { namespacesQuery } from '../api/namespaces.ts';
import { serviceAccountsQuery } from '../api/people.ts';
import { platformsQuery } from '../api/platforms.ts';
import { receivedQuery } from '../api/shares.ts';
import { snapshotsQuery } from '../api/snapshots.ts';
import { templatesQuery } from '../api/templates.ts';
import { apiTokensQuery, tokenPolicyQuery } from '../api/tokens.ts';
import { webhookEventsQuery, webhooksQuery } from '../api/webhooks.ts';
import type { Context } from '../context.ts';
import { type Names, namesFor } from '../program/arguments.ts';

const SCRIPTS: Record<string, string> = {
  bash: `_easel() {
  local IFS=$'\\n'
  COMPREPLY=($(easel complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _easel easel`,
  zsh: `#compdef easel
_easel() {
  local -a candidates
  candidates=("\${(@f)$(easel complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( \${#candidates} )); then compadd -- "\${candidates[@]}"; else _files; fi
}
if [ "\${funcstack[1]}" = _easel ]; then _easel "$@"; else compdef _easel easel; fi`,
  fish: `function __easel_complete
  set -l words (commandline -opc) (commandline -ct)
  easel complete -- $words[2..-1] 2>/dev/null
end
complete -c easel -f -a '(__easel_complete)'
complete -c easel -n '__fish_seen_subcommand_from add create' -F`,
};

/** How long names may take. */
const NAMES_LIMIT_MS = 1_500;

export async function completion({ out }: Context, shell: string): Promise<void> {
  const script = SCRIPTS[shell] ?? '';
  out.json({ shell, script });
  out.line(script);
}

/** Prints the candidates for the last of the words. */
export async function complete(context: Context, program: Command, words: readonly string[]): Promise<void> {
  const last = words.at(-1) ?? '';
  const candidates = await candidatesFor(context, program, words.slice(0, -1), last);
  for (const candidate of candidates) if (candidate.startsWith(last)) context.out.line(candidate);
}

async function candidatesFor(
  context: Context,
  program: Command,
  before: readonly string[],
  last: string,
): Promise<readonly string[]> {
  // After "--" come the words of another program.
  if (before.includes('--')) return [];
  const { command, operands, open } = walk(program, before);
  if (open) return valuesOf(context, open);
  if (last.startsWith('-'))
    return [...command.options, ...program.options].flatMap(({ long, hidden }) => (long && !hidden ? long : []));
  const subcommands = command
    .createHelp()
    .visibleCommands(command)
    .map((sub) => sub.name());
  if (subcommands.length > 0) return subcommands;
  const { registeredArguments } = command;
  const argument = registeredArguments[Math.min(operands, registeredArguments.length - 1)];
  return argument && (operands < registeredArguments.length || argument.variadic) ? valuesOf(context, argument) : [];
}

/** Follows the words down to the command they name. `open` is an option that waits for its value. */
function walk(
  program: Command,
  words: readonly string[],
): { command: Command; operands: number; open: Option | undefined } {
  let command = program;
  let operands = 0;
  let open: Option | undefined;
  for (const word of words) {
    if (open) {
      open = undefined;
    } else if (word.startsWith('-') && word.length > 1) {
      const option = [...command.options, ...program.options].find(
        ({ long, short }) => word === long || word === short,
      );
      open = option?.required ? option : undefined;
    } else {
      const sub = command.commands.find((candidate) => candidate.name() === word || candidate.aliases().includes(word));
      if (sub) command = sub;
      else operands++;
    }
  }
  return { command, operands, open };
}

async function valuesOf(context: Context, thing: Argument | Option): Promise<readonly string[]> {
  if (thing.argChoices) return thing.argChoices;
  const names = namesFor(thing);
  return names ? soon(() => NAMES[names](context)) : [];
}

const NAMES: Record<Names, (context: Context) => Promise<readonly string[]>> = {
  environments: async (context) => {
    const api = await context.api();
    const [own, shared] = await Promise.all([api.all(environmentNamesQuery), api.ask(receivedQuery).catch(() => [])]);
    return [...new Set([...own, ...shared].map(({ name }) => name))];
  },
  templates: async (context) => (await (await context.api()).all(templatesQuery)).map(({ name }) => name),
  namespaces: async (context) => (await (await context.api()).ask(namespacesQuery)).map(({ name }) => name),
  platforms: async (context) => (await (await context.api()).ask(platformsQuery)).map(({ name }) => name),
  instanceTypes: async (context) => (await (await context.api()).ask(instanceTypesQuery)).map(({ name }) => name),
  snapshots: async (context) => (await (await context.api()).all(snapshotsQuery)).map(({ id }) => id),
  scopes: async (context) => (await (await context.api()).ask(tokenPolicyQuery)).scopes.map(({ name }) => name),
  serviceAccounts: async (context) =>
    (await (await context.api()).ask(serviceAccountsQuery)).edges.map(({ node }) => node.login),
  webhooks: async (context) => (await (await context.api()).ask(webhooksQuery)).map(({ name }) => name),
  webhookEvents: async (context) => (await (await context.api()).ask(webhookEventsQuery)).map(({ name }) => name),
  tokens: async (context) => [...new Set((await (await context.api()).ask(apiTokensQuery)).map(({ name }) => name))],
};

/** Nothing when it fails or takes too long. */
async function soon(ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const limit = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => limit.resolve([]), NAMES_LIMIT_MS);
  try {
    return await Promise.race([ask(), limit.promise]);
  } catch {
    // Nobody is signed in, or the API is away: there is nothing to offer.
    return [];
  } finally {
    clearTimeout(timer);
  }
}
