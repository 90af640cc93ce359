/** token. */
import { Argument, type Command, Option } from 'commander';
import { collect, completedBy, examples, wholeNumber } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addTokenCommands(program: Command, door: Door): void {
  const tokens = program.command('token').description('API tokens for scripts');
  tokens
    .command('create')
    .description('make a token; it is shown once')
    .argument('<name>', 'what it is for')
    .addOption(
      completedBy(
        new Option('--scope <scope>', 'what it may, of what its owner may; can be repeated; without it, all').argParser(
          collect,
        ),
        'scopes',
      ),
    )
    .option(
      '--expires <when>',
      'a time like 90d, or a day; without it, when it is revoked or as the installation allows',
    )
    .addOption(ownerOption())
    .addHelpText(
      'after',
      examples('easel token create nightly --scope read --expires 90d', 'easel token create ci --for build-robot'),
    )
    .action(through(door, async () => (await import('../commands/token.ts')).createToken));
  tokens
    .command('list')
    .alias('ls')
    .description('list them')
    .addOption(ownerOption())
    .action(through(door, async () => (await import('../commands/token.ts')).listTokens));
  tokens
    .command('rotate')
    .description('make a new token in place of one, which is good for a while more')
    .addArgument(tokenArgument())
    .option(
      '--overlap <hours>',
      'how long the one before is good; 24 when left out, 0 ends it now',
      wholeNumber(0, 720),
    )
    .addOption(ownerOption())
    .action(through(door, async () => (await import('../commands/token.ts')).rotateToken));
  tokens
    .command('revoke')
    .alias('rm')
    .description('revoke one')
    .addArgument(tokenArgument())
    .addOption(ownerOption())
    .action(through(door, async () => (await import('../commands/token.ts')).revokeToken));
  tokens
    .command('scopes')
    .description('list what a token can be for')
    .action(through(door, async () => (await import('../commands/token.ts')).listScopes));
}

function tokenArgument(): Argument {
  return completedBy(new Argument('<token>', 'its name or id'), 'tokens');
}

function ownerOption(): Option {
  return completedBy(
    new Option('--for <login>', 'of a service account instead of your own (administrators)'),
    'serviceAccounts',
  );
}
