import { formatTable } from '../../table.ts';
import { printable } from '../../printable.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

/** Webhooks into open rooms, as `parley room hook …`. */
export function addHookVerbs(room: Command, run: Run): void {
  const hook = room.command('hook').description('webhooks: programs that say something in an open room');
  hook
    .command('add')
    .description('make one; its secret is shown this once')
    .argument('<room>', 'its name, or room:ID')
    .argument('<name>', 'what it says is shown under it')
    .action((target: string, name: string) =>
      run(async (client, terminal) => {
        const made = await client.hooks.add(target, name);
        const { endpoints } = await client.whoAmI();
        const url = `${endpoints[0]}${made.path}`;
        terminal.result(
          { ...made, url },
          `POST {"text": "…"} to ${url}, on any node, with Authorization: Bearer ${made.secret}\n` +
            'The secret is not shown again, and whoever has it may speak: remove the webhook when it got about.',
        );
      }),
    );
  hook
    .command('list')
    .description('list the webhooks of a room')
    .argument('<room>', 'its name, or room:ID')
    .action((target: string) =>
      run(async (client, terminal) => {
        const lines = await client.hooks.list(target);
        if (terminal.json) for (const line of lines) terminal.result(line, '');
        else if (lines.length === 0) terminal.note('this room has no webhooks.');
        else {
          const rows = lines.map((line) => [printable(line.name), line.by, line.createdAt, line.hook]);
          terminal.result({}, formatTable(['name', 'by', 'since', 'id'], rows));
        }
      }),
    );
  hook
    .command('remove')
    .description('let one say nothing more, on every node')
    .argument('<room>', 'its name, or room:ID')
    .argument('<id>', 'as list shows it')
    .action((target: string, id: string) =>
      run(async (client, terminal) => {
        const removed = await client.hooks.remove(target, id);
        terminal.result({ room: removed, hook: id, state: 'removed' }, 'Removed.');
      }),
    );
}
