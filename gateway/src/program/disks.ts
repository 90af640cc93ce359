/** snapshot, disk. */
import { Argument, type Command, Option } from 'commander';
import { completedBy, environmentArgument, examples, sizeInBytes, timeoutOption } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addDiskCommands(program: Command, door: Door): void {
  const snapshots = program.command('snapshot').description("snapshots of environments' disks");
  snapshots
    .command('create')
    .description('take one; what runs is held still for a moment')
    .addArgument(environmentArgument())
    .option('--name <name>', "its name; without it, the environment's and the time")
    .addOption(new Option('--wait', 'wait until it is ready'))
    .addOption(timeoutOption())
    .addHelpText('after', examples('easel snapshot create shop --name "before the upgrade" --wait'))
    .action(through(door, async () => (await import('../commands/snapshot.ts')).createSnapshot));
  snapshots
    .command('list')
    .alias('ls')
    .description('list yours')
    .addArgument(completedBy(new Argument('[name]', 'only those of this environment'), 'environments'))
    .action(through(door, async () => (await import('../commands/snapshot.ts')).listSnapshots));
  snapshots
    .command('delete')
    .alias('rm')
    .description('delete one; environments made from it stay')
    .addArgument(completedBy(new Argument('<snapshot>', 'name or id of a snapshot'), 'snapshots'))
    .action(through(door, async () => (await import('../commands/snapshot.ts')).deleteSnapshot));

  const disks = program.command('disk').description("environments' disks");
  disks
    .command('grow')
    .description('make a disk larger; it never shrinks again')
    .addArgument(environmentArgument())
    .addArgument(new Argument('<size>', 'the new size, like 40GiB').argParser(sizeInBytes))
    .addHelpText('after', examples('easel disk grow shop 40GiB'))
    .action(through(door, async () => (await import('../commands/snapshot.ts')).growDisk));
}
