/** template create, update, list, show, delete. */
import type { Command } from 'commander';
import { examples, namespaceOption, templateArgument } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addTemplateCommands(program: Command, door: Door): void {
  const templates = program.command('template').description('what environments are made from');
  templates
    .command('create')
    .description('make a template of a YAML or JSON file')
    .requiredOption('-f, --file <file>', 'the file; "-" for the standard input')
    .addOption(namespaceOption('where it is; without it, in the default one'))
    .addHelpText(
      'after',
      `${examples('easel template create --file shop.yaml')}

A file:
  name: shop
  description: The web shop
  repository: { url: https://git.example.com/shop.git, branch: main }
  image: debian:12
  env: { NODE_ENV: development }
  scripts:
    init: { run: npm ci, timeoutSeconds: 900 }
    start: { run: npm run services }
  idePort: 8080
  inactivityMinutes: 60`,
    )
    .action(through(door, async () => (await import('../commands/template.ts')).createTemplate));
  templates
    .command('update')
    .description('replace what a template says')
    .addArgument(templateArgument())
    .requiredOption('-f, --file <file>', 'the file; "-" for the standard input')
    .action(through(door, async () => (await import('../commands/template.ts')).updateTemplate));
  templates
    .command('list')
    .alias('ls')
    .description('list them')
    .action(through(door, async () => (await import('../commands/template.ts')).listTemplates));
  templates
    .command('show')
    .description('show one')
    .addArgument(templateArgument())
    .action(through(door, async () => (await import('../commands/template.ts')).showTemplate));
  templates
    .command('delete')
    .alias('rm')
    .description('delete one; environments made from it stay')
    .addArgument(templateArgument())
    .action(through(door, async () => (await import('../commands/template.ts')).deleteTemplate));
}
