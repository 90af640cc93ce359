/** share. */
import { SHARE_ACCESS } from '@easel/schema/share';
import { Argument, type Command, Option } from 'commander';
import { completedBy, environmentArgument, examples, portNumber } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addShareCommands(program: Command, door: Door): void {
  const shares = program.command('share').description('share environments with other people, for a time');
  shares
    .command('add')
    .description('share one with a user, in place of what was shared with them before')
    .addArgument(environmentArgument())
    .argument('<guest>', 'their login or e-mail address, exactly; with --group the name of a group')
    .addOption(
      new Option(
        '--access <access>',
        'view: see it; ports: reach its ports; ssh: enter it, as the user that you are inside',
      )
        .choices(SHARE_ACCESS)
        .makeOptionMandatory(),
    )
    .option('--port <port>', 'with ports: this one only; may be given several times', collectPort)
    .option('--for <time>', 'how long, like 30m, 8h, 1d or 2w; a day when left out')
    .addOption(new Option('--until-revoked', 'without an end').conflicts('for'))
    .option('--group', 'with the members of a group')
    .option('--note <text>', 'a word to them')
    .addHelpText(
      'after',
      examples(
        'easel share add shop ada --access ports --port 3000 --for 8h',
        'easel share add shop team-web --group --access view',
      ),
    )
    .action(through(door, async () => (await import('../commands/share.ts')).addShare));
  shares
    .command('list')
    .alias('ls')
    .description('list whom you share an environment with; without a name, what others share with you')
    .addArgument(completedBy(new Argument('[name]', 'name or id of an environment'), 'environments'))
    .action(through(door, async () => (await import('../commands/share.ts')).listShares));
  shares
    .command('remove')
    .alias('rm')
    .description('share it no longer; what came in by it is cut')
    .addArgument(environmentArgument())
    .argument('<guest>', "their login, the group's name, or the id of the share")
    .action(through(door, async () => (await import('../commands/share.ts')).removeShare));
}

function collectPort(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), portNumber(text)];
}
