/** platform, instance-type. */
import { Argument, type Command } from 'commander';
import { completedBy, examples } from './arguments.ts';
import { type Door, through } from './door.ts';

const platformArgument = () => completedBy(new Argument('<platform>', 'name or id of a platform'), 'platforms');

export function addPlatformCommands(program: Command, door: Door): void {
  const platforms = program.command('platform').description('where environments run');
  platforms
    .command('list')
    .alias('ls')
    .description('list the computing platforms')
    .action(through(door, async () => (await import('../commands/platform.ts')).listPlatforms));
  platforms
    .command('create')
    .description('make a platform for a Kubernetes cluster; its token is shown once (administrators)')
    .argument('<name>', 'what people choose it by')
    .addHelpText('after', examples('easel platform create eu-west >token'))
    .action(through(door, async () => (await import('../commands/platform.ts')).createPlatform));
  platforms
    .command('rotate-token')
    .description('make a new token; the old one opens nothing any more (administrators)')
    .addArgument(platformArgument())
    .action(through(door, async () => (await import('../commands/platform.ts')).rotatePlatformToken));
  platforms
    .command('drain')
    .description('start nothing new there; what runs goes on (administrators)')
    .addArgument(platformArgument())
    .action(through(door, async () => (await import('../commands/platform.ts')).drainPlatform));
  platforms
    .command('undrain')
    .description('start new environments there again (administrators)')
    .addArgument(platformArgument())
    .action(through(door, async () => (await import('../commands/platform.ts')).undrainPlatform));
  platforms
    .command('remove')
    .alias('rm')
    .description('remove one that has neither environments nor snapshots (administrators)')
    .addArgument(platformArgument())
    .option('-f, --force', 'its cluster is gone for good: delete its environments and snapshots with it')
    .action(through(door, async () => (await import('../commands/platform.ts')).removePlatform));

  const types = program.command('instance-type').description('what environments get of their platform');
  types
    .command('list')
    .alias('ls')
    .description('list them, the smallest first')
    .action(through(door, async () => (await import('../commands/instance-type.ts')).listInstanceTypes));
  types
    .command('create')
    .description('make one of a YAML or JSON file (administrators)')
    .requiredOption('-f, --file <file>', 'the file; "-" for the standard input')
    .addHelpText(
      'after',
      `${examples('easel instance-type create --file large.yaml')}

A file:
  name: large
  description: For the monorepo
  cpus: 8
  memoryBytes: 16GiB
  diskBytes: 100GiB
  storageClass: fast
  nodeSelector: { example.com/pool: easel }`,
    )
    .action(through(door, async () => (await import('../commands/instance-type.ts')).createInstanceType));
  types
    .command('delete')
    .alias('rm')
    .description('delete one; environments keep what they have (administrators)')
    .addArgument(completedBy(new Argument('<type>', 'name or id of an instance type'), 'instanceTypes'))
    .action(through(door, async () => (await import('../commands/instance-type.ts')).deleteInstanceType));
}
