/** audit. */
import { type Command, Option } from 'commander';
import { collect, examples, wholeNumber } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addAuditCommands(program: Command, door: Door): void {
  const audit = program.command('audit').description('who did what (administrators and auditors)');
  withFilter(audit.command('list'))
    .alias('ls')
    .description('list the newest entries, the newest first')
    .option('--limit <count>', 'how many at most', wholeNumber(1, 10_000), 50)
    .addHelpText(
      'after',
      examples('easel audit list --actor ada --from 2026-11-01', 'easel audit list --outcome refused'),
    )
    .action(through(door, async () => (await import('../commands/audit.ts')).listAudit));
  withFilter(audit.command('export'))
    .description('write the log to a file, or to the standard output, the oldest first')
    .addOption(
      new Option('--format <format>', 'jsonl can be verified; csv is for spreadsheets')
        .choices(['jsonl', 'csv'])
        .default('jsonl'),
    )
    .option('-o, --output <file>', 'where to')
    .addHelpText(
      'after',
      examples(
        'easel audit export --from 2026-11-01 --to 2026-12-01 -o november.jsonl',
        'easel audit export --format csv',
      ),
    )
    .action(through(door, async () => (await import('../commands/audit.ts')).exportAudit));
  audit
    .command('verify')
    .description('tell whether an entry was changed, removed or moved, and which')
    .option(
      '--file <path>',
      'of an export, or of objects of the store, or a folder of these: no server is asked; several in their order',
      collect,
    )
    .addHelpText('after', examples('easel audit verify', 'easel audit verify --file november.jsonl'))
    .action(through(door, async () => (await import('../commands/audit.ts')).verifyAudit));
}

function withFilter(command: Command): Command {
  return command
    .option('--actor <login>', 'by this login, or id')
    .option('--action <name>', 'like signIn or deleteEnvironment')
    .option('--thing <name>', 'about what has this name, or id')
    .option('--outcome <outcome>', 'done, refused, or a code like FORBIDDEN')
    .option('--from <when>', 'from this day or moment on, like 2026-11-24 or 2026-11-24T10:00Z')
    .option('--to <when>', 'before this one');
}
