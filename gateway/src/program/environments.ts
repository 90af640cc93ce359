/** create, list, show, start, stop, keep, delete, logs. */
import { ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { type Command, Option } from 'commander';
import {
  completedBy,
  environmentArgument,
  examples,
  namespaceOption,
  timeoutOption,
  waitOption,
  wholeNumber,
} from './arguments.ts';
import { type Door, through } from './door.ts';

export function addEnvironmentCommands(program: Command, door: Door): void {
  program
    .command('create')
    .description('create an environment and start it')
    .argument('<name>', 'its name: a-z, 0-9 and "-", at most 40 characters')
    .addOption(
      completedBy(
        new Option('-t, --template <template>', 'name of the template; may be left out when there is only one'),
        'templates',
      ),
    )
    .addOption(new Option('--git <url>', 'a Git repository instead of a template').conflicts('template'))
    .addOption(namespaceOption('of the template or for the repository; without it, the default one'))
    .option('-b, --branch <branch>', "branch or tag, in place of the template's")
    .option('--image <image>', "container image, in place of the template's")
    .addOption(
      completedBy(
        new Option('--instance-type <type>', "what it gets of its platform, in place of the template's first"),
        'instanceTypes',
      ),
    )
    .addOption(
      completedBy(new Option('--platform <platform>', 'where it runs; without it, where one is online'), 'platforms'),
    )
    .addOption(
      completedBy(
        new Option('--snapshot <snapshot>', 'name or id of a snapshot to make its disk from').conflicts('git'),
        'snapshots',
      ),
    )
    .option('--request-key <key>', 'the same key a second time gives the same environment')
    .addOption(waitOption())
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      examples(
        'easel create shop --template sample --wait',
        'easel create fix-login --git https://git.example.com/shop.git --branch fix/login',
        'easel create shop-2 --snapshot "before the upgrade" --instance-type large',
      ),
    )
    .action(through(door, async () => (await import('../commands/create.ts')).create));

  program
    .command('list')
    .alias('ls')
    .description('list your environments')
    .option('--search <text>', 'only those whose name contains the text')
    .addOption(new Option('--phase <phase...>', 'only those in one of these phases').choices(ENVIRONMENT_PHASES))
    .action(through(door, async () => (await import('../commands/list.ts')).list));

  program
    .command('show')
    .description('show an environment: phase, steps, ways in')
    .addArgument(environmentArgument())
    .action(through(door, async () => (await import('../commands/show.ts')).show));

  program
    .command('start')
    .description('start a stopped or failed environment')
    .addArgument(environmentArgument())
    .addOption(waitOption())
    .addOption(timeoutOption())
    .action(through(door, async () => (await import('../commands/change.ts')).start));

  program
    .command('stop')
    .description('stop an environment; its disk is kept')
    .addArgument(environmentArgument())
    .addOption(waitOption())
    .addOption(timeoutOption())
    .action(through(door, async () => (await import('../commands/change.ts')).stop));

  program
    .command('keep')
    .description('keep an environment that nobody uses from being deleted, for a whole period')
    .addArgument(environmentArgument())
    .action(through(door, async () => (await import('../commands/keep.ts')).keep));

  program
    .command('delete')
    .alias('rm')
    .description('delete an environment with its disk')
    .addArgument(environmentArgument())
    .option('-f, --force', 'also when uncommitted or unpushed work would be lost')
    .addOption(waitOption())
    .addOption(timeoutOption())
    .action(through(door, async () => (await import('../commands/change.ts')).remove));

  program
    .command('logs')
    .description('print the log of an environment, from its first start on')
    .addArgument(environmentArgument())
    .option('-f, --follow', 'go on with new lines as they come, until it has stopped')
    .option('--source <source>', 'only the lines of a step or container, like "sources"')
    .option('--since <cursor>', 'only the lines after this cursor (a field of the JSON lines)')
    .addOption(new Option('-n, --tail <lines>', 'only the last lines').argParser(wholeNumber(0, 1_000_000)))
    .option('--timestamps', 'begin each line with its time')
    .addHelpText('after', examples('easel logs shop -f', 'easel logs shop --source hooks --json'))
    .action(through(door, async () => (await import('../commands/logs.ts')).logs));
}
