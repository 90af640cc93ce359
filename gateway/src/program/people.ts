/** group, role, why. */
import type { Command } from 'commander';
import { collect, examples } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addPeopleCommands(program: Command, door: Door): void {
  const groups = program.command('group').description('users who get the same (administrators)');
  groups
    .command('list')
    .alias('ls')
    .description('list them')
    .action(through(door, async () => (await import('../commands/group.ts')).listGroups));
  groups
    .command('create')
    .description('make one')
    .argument('<name>', 'its name')
    .option('--description <text>', 'what it is for')
    .option(
      '--role <role>',
      'what its members get: developer, developer@NAMESPACE, system:auditor, or a role of your own; can be repeated',
      collect,
    )
    .addHelpText('after', examples('easel group create backend --role developer'))
    .action(through(door, async () => (await import('../commands/group.ts')).createGroup));
  groups
    .command('delete')
    .alias('rm')
    .description('delete one; its members lose what it gave')
    .argument('<group>', 'its name or id')
    .action(through(door, async () => (await import('../commands/group.ts')).deleteGroup));
  groups
    .command('members')
    .description('list who is in one')
    .argument('<group>', 'its name or id')
    .action(through(door, async () => (await import('../commands/group.ts')).listMembers));
  groups
    .command('add')
    .description('put users into one')
    .argument('<group>', 'its name or id')
    .argument('<login...>', 'their logins')
    .action(through(door, async () => (await import('../commands/group.ts')).addMembers));
  groups
    .command('remove')
    .description('take users out of one')
    .argument('<group>', 'its name or id')
    .argument('<login...>', 'their logins')
    .action(through(door, async () => (await import('../commands/group.ts')).removeMembers));

  const roles = program.command('role').description('roles of your own making (administrators)');
  roles
    .command('list')
    .alias('ls')
    .description('list them')
    .action(through(door, async () => (await import('../commands/role.ts')).listRoles));
  roles
    .command('permissions')
    .description('list what a role can hold')
    .action(through(door, async () => (await import('../commands/role.ts')).listPermissions));
  roles
    .command('create')
    .description('make one of permissions that you hold')
    .argument('<name>', 'its name')
    .requiredOption('--permission <name>', 'one that it holds; can be repeated', collect)
    .option('--system', 'for the whole installation instead of a namespace')
    .option('--description <text>', 'what it is for')
    .addHelpText(
      'after',
      examples('easel role create observer --permission environment.view --permission template.view'),
    )
    .action(through(door, async () => (await import('../commands/role.ts')).createRole));
  roles
    .command('delete')
    .alias('rm')
    .description('delete one that nobody has')
    .argument('<role>', 'its name or id')
    .action(through(door, async () => (await import('../commands/role.ts')).deleteRole));

  program
    .command('why')
    .description('tell what a user may, and by which roles; or whether he may do one thing')
    .argument('<login>', 'of the user')
    .argument('[act]', 'like environment.enter or template.change')
    .argument('[thing]', 'id of the environment, template or namespace that it is done with')
    .addHelpText('after', examples('easel why ada', 'easel why ada environment.enter env01j…'))
    .action(through(door, async () => (await import('../commands/role.ts')).why));
}
