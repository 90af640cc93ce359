/** All commands with their arguments, options and help. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAccountCommands } from './account.ts';
import { addAuditCommands } from './audit.ts';
import { addDiskCommands } from './disks.ts';
import type { Door } from './door.ts';
import { addEnvironmentCommands } from './environments.ts';
import { addNamespaceCommands } from './namespaces.ts';
import { addPeopleCommands } from './people.ts';
import { addPlatformCommands } from './platforms.ts';
import { addShareCommands } from './shares.ts';
import { addTemplateCommands } from './templates.ts';
import { addTokenCommands } from './tokens.ts';
import { addWayInCommands } from './ways-in.ts';
import { addWebhookCommands } from './webhooks.ts';

const EPILOG = `
Examples:
  easel sign-in https://easel.example.com
  easel create shop --template sample --wait
  easel ssh shop -- make test
  easel forward shop 3000
  easel list --json

Where and who: --url and --token-file, else EASEL_URL and EASEL_TOKEN, else what \`easel sign-in\` has stored.
Exit codes: 0 done; 1 refused or failed, with the reason on the standard error; 2 bad usage;
  130 or 143 ended by Ctrl-C or SIGTERM. \`easel ssh\` gives the exit code of the remote command.`;

export function createProgram(door: Door): Command {
  const { io } = door;
  const program = new Command('easel')
    .description('Cloud development environments on your own machines.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // The reason is told once, by the run.
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns || 100,
      getErrHelpWidth: () => io.stderr.columns || 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .helpCommand('help [command]', 'show the help of a command')
    .version(version(), '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .option('--url <url>', 'address of Easel (EASEL_URL)')
    .option('--token-file <path>', 'file with the API token, "-" for the standard input (EASEL_TOKEN)')
    .option('--json', 'print JSON for scripts')
    .addHelpText('after', EPILOG);
  addEnvironmentCommands(program.commandsGroup('Environments:'), door);
  addWayInCommands(program.commandsGroup('Ways in:'), door);
  addShareCommands(program.commandsGroup('Sharing:'), door);
  addDiskCommands(program.commandsGroup('Disks:'), door);
  addTemplateCommands(program.commandsGroup('Templates:'), door);
  addNamespaceCommands(program, door);
  addPlatformCommands(program.commandsGroup('Platforms:'), door);
  addPeopleCommands(program.commandsGroup('People:'), door);
  addAccountCommands(program.commandsGroup('Account and installation:'), door);
  addTokenCommands(program, door);
  addAuditCommands(program, door);
  addWebhookCommands(program, door);
  return program;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
