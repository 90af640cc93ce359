/** namespace list, create, rename, delete. */
import { Argument, type Command } from 'commander';
import { completedBy, examples } from './arguments.ts';
import { type Door, through } from './door.ts';

const namespaceArgument = () => completedBy(new Argument('<namespace>', 'its name or id'), 'namespaces');

export function addNamespaceCommands(program: Command, door: Door): void {
  const namespaces = program
    .command('namespace')
    .description('where templates and environments are, and roles are given');
  namespaces
    .command('list')
    .alias('ls')
    .description('list those that you see')
    .action(through(door, async () => (await import('../commands/namespace.ts')).listNamespaces));
  namespaces
    .command('create')
    .description('make one (administrators)')
    .argument('<name>', 'its name: a-z, 0-9 and "-", at most 40 characters')
    .addHelpText(
      'after',
      examples('easel namespace create web', 'easel template create --namespace web --file shop.yaml'),
    )
    .action(through(door, async () => (await import('../commands/namespace.ts')).createNamespace));
  namespaces
    .command('rename')
    .description('give one another name (administrators)')
    .addArgument(namespaceArgument())
    .argument('<name>', 'its new name')
    .action(through(door, async () => (await import('../commands/namespace.ts')).renameNamespace));
  namespaces
    .command('delete')
    .alias('rm')
    .description('delete an empty one, with the roles in it (administrators)')
    .addArgument(namespaceArgument())
    .action(through(door, async () => (await import('../commands/namespace.ts')).deleteNamespace));
}
