/** sign-in, sign-out, whoami, completion. */
import { Argument, type Command } from 'commander';
import { examples } from './arguments.ts';
import { type Door, through } from './door.ts';

export function addAccountCommands(program: Command, door: Door): void {
  program
    .command('sign-in')
    .description('sign in with a browser, a code or --token-file, and keep the token for later')
    .argument('[url]', 'address of Easel, in place of --url, EASEL_URL or the last one')
    .option('--no-browser', 'only print the address of the page')
    .option('--device', 'show a code to enter with a browser on any machine; by itself over SSH and without a desktop')
    .addHelpText(
      'after',
      examples(
        'easel sign-in https://easel.example.com',
        'easel sign-in https://easel.example.com --device',
        'easel sign-in --token-file - <token.txt',
      ),
    )
    .action(through(door, async () => (await import('../commands/sign-in.ts')).signIn));
  program
    .command('sign-out')
    .description('forget the token, and revoke it when it was made for this command')
    .action(through(door, async () => (await import('../commands/sign-in.ts')).signOut));
  program
    .command('whoami')
    .description('tell who you are, and where')
    .action(through(door, async () => (await import('../commands/sign-in.ts')).whoami));

  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        'source <(easel completion bash)   # in ~/.bashrc',
        'source <(easel completion zsh)    # in ~/.zshrc, after compinit',
        'easel completion fish >~/.config/fish/completions/easel.fish',
      ),
    )
    .action(
      through(door, async () => {
        const { completion } = await import('../commands/completion.ts');
        return (context, shell: string) => completion(context, shell);
      }),
    );
  // What the scripts ask at each press of the tab key.
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'the words so far; the last is the one to complete')
    .action(
      through(door, async () => {
        const { complete } = await import('../commands/completion.ts');
        return (context, words: readonly string[]) => complete(context, program, words);
      }),
    );
}
