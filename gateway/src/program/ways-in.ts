/** ssh, ssh-config, ssh-key, forward, connect. */
import type { Command } from 'commander';
import { collect, environmentArgument, examples, portNumber, wholeNumber } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addWayInCommands(program: Command, door: Door): void {
  program
    .command('ssh')
    .description("open a shell in an environment, or run a command there, with this machine's ssh")
    .usage('[options] <name> [-- command...]')
    .addArgument(environmentArgument())
    .argument('[command...]', 'the command and its arguments, after "--"; the exit code is its own')
    .option('-i, --identity <file>', 'private key, in place of a certificate of Easel')
    .option('-A, --forward-agent', 'forward the SSH agent')
    .option('-t, --tty', 'ask for a terminal also for a command')
    .option(
      '-o, --option <option>',
      "an option of ssh, like LocalForward='8080 localhost:8080'; may be given several times",
      collect,
    )
    .addHelpText('after', examples('easel ssh shop', 'easel ssh shop -- make test', 'easel ssh shop -A -- git push'))
    .action(through(door, async () => (await import('../commands/ssh.ts')).ssh));

  program
    .command('ssh-config')
    .description("print blocks for ssh's configuration, so that `ssh NAME.easel` works in every tool")
    .option('--install', 'write them to ~/.ssh/easel_config and include that in ~/.ssh/config')
    .action(through(door, async () => (await import('../commands/ssh-config.ts')).sshConfig));

  program
    .command('ssh-cert')
    .description('have a certificate of some minutes at hand, by which `ssh` enters without an uploaded key')
    .addHelpText(
      'after',
      examples('easel ssh-cert', 'ssh-keygen -Lf "$(easel ssh-cert --json | jq -r .certificateFile)"'),
    )
    .action(through(door, async () => (await import('../commands/ssh-cert.ts')).sshCert));

  const keys = program.command('ssh-key').description('the public keys that let you in');
  keys
    .command('add')
    .description('add a public key')
    .argument('<file>', 'the file that ends in .pub; "-" for the standard input')
    .option('--name <name>', "a name for it, in place of the key's comment")
    .option('--expires-days <days>', 'how long it is good for; without it, until it is removed', wholeNumber(1, 3650))
    .option('--verify-required', 'of a security key (sk-…): only with its PIN or a finger')
    .addHelpText(
      'after',
      examples(
        'easel ssh-key add ~/.ssh/id_ed25519.pub',
        'easel ssh-key add ~/.ssh/id_ed25519_sk.pub --verify-required',
        'ssh-add -L | head -1 | easel ssh-key add - --expires-days 90',
      ),
    )
    .action(through(door, async () => (await import('../commands/ssh-key.ts')).addSshKey));
  keys
    .command('list')
    .alias('ls')
    .description('list them')
    .action(through(door, async () => (await import('../commands/ssh-key.ts')).listSshKeys));
  keys
    .command('remove')
    .alias('rm')
    .description('remove one')
    .argument('<key>', 'its name, id or fingerprint')
    .action(through(door, async () => (await import('../commands/ssh-key.ts')).removeSshKey));

  program
    .command('forward')
    .description('make ports of an environment reachable on this machine')
    .addArgument(environmentArgument())
    .argument('<ports...>', '[LOCAL:]REMOTE; LOCAL 0 takes any free port')
    .option('--address <address>', 'the address of this machine to listen on', '127.0.0.1')
    .addHelpText('after', examples('easel forward shop 8080', 'easel forward shop 3000:80 0:5432'))
    .action(through(door, async () => (await import('../commands/forward.ts')).forward));

  program
    .command('connect')
    .description("reach an environment's IDE, or any port of it, on a local port or on standard input and output")
    .addArgument(environmentArgument())
    .option('-p, --port <port>', "port of the environment, in place of the template's IDE port", portNumber)
    .option('--local-port <port>', 'port of this machine, in place of any free one', portNumber)
    .option('--stdio', 'tie the stream to standard input and output')
    .option('--ssh', "with --stdio: reach the environment's own SSH side, end to end encrypted")
    .addHelpText(
      'after',
      examples(
        'easel connect shop',
        'easel connect shop --port 5990',
        "ssh -o ProxyCommand='easel connect shop --stdio --ssh' shop.easel",
      ),
    )
    .action(through(door, async () => (await import('../commands/connect.ts')).connect));
}
