/** webhook. */
import { Argument, type Command, Option } from 'commander';
import { collect, completedBy, examples, wholeNumber } from './arguments.ts';
import { type Door, through } from './door.ts';

const USUAL_DELIVERIES = 20;

export function addWebhookCommands(program: Command, door: Door): void {
  const which = () => completedBy(new Argument('<webhook>', 'its name or id'), 'webhooks');
  const webhooks = program.command('webhook').description('who is told of events by HTTP');
  webhooks
    .command('list')
    .alias('ls')
    .description('list them')
    .action(through(door, async () => (await import('../commands/webhook.ts')).listWebhooks));
  webhooks
    .command('events')
    .description('list what they can be told of')
    .action(through(door, async () => (await import('../commands/webhook.ts')).listEvents));
  webhooks
    .command('create')
    .description('make one; its secret is shown once')
    .argument('<name>', 'its name')
    .argument('<url>', 'the address that is told, https://…')
    .addOption(
      completedBy(
        new Option('--event <event>', 'what it is told of; can be repeated').argParser(collect).makeOptionMandatory(),
        'webhookEvents',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'easel webhook create chat https://chat.example.com/hook --event environment.failed --event user.created',
      ),
    )
    .action(through(door, async () => (await import('../commands/webhook.ts')).createWebhook));
  webhooks
    .command('test')
    .description('send it a ping, and say what it answers')
    .addArgument(which())
    .action(through(door, async () => (await import('../commands/webhook.ts')).testWebhook));
  webhooks
    .command('delete')
    .alias('rm')
    .description('delete one with its deliveries')
    .addArgument(which())
    .action(through(door, async () => (await import('../commands/webhook.ts')).deleteWebhook));
  webhooks
    .command('deliveries')
    .description('list what was delivered, the newest first')
    .addArgument(which())
    .addOption(new Option('-n, --number <count>', 'so many').argParser(wholeNumber(1, 200)).default(USUAL_DELIVERIES))
    .action(through(door, async () => (await import('../commands/webhook.ts')).listDeliveries));
  webhooks
    .command('redeliver')
    .description('deliver something again')
    .argument('<delivery>', 'its id')
    .action(through(door, async () => (await import('../commands/webhook.ts')).redeliver));
}
