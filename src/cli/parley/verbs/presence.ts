import { Option } from 'commander';
import { printable } from '../../printable.ts';
import type { Command } from 'commander';
import type { PersonPresenceJson } from '../../../protocol/http/presence.ts';
import type { Run } from '../run.ts';

/** What others are to see of who listens. */
export const presenceOption = (): Option =>
  new Option('--presence <STATUS>', 'what others see meanwhile').choices(['online', 'away', 'busy', 'invisible']);

/** Who is there and who is writing: who, typing. */
export function addPresenceVerbs(parley: Command, run: Run): void {
  const target = '@name, a room’s name, or room:ID';
  parley
    .command('who')
    .description('show who of a room is there')
    .argument('<target>', target)
    .action((to: string) =>
      run(async (client, terminal) => {
        for await (const person of client.presence.in(to)) terminal.result(person, presenceText(person));
      }),
    );

  parley
    .command('typing')
    .description('say that one is writing; it ends by itself after a few seconds')
    .argument('<target>', target)
    .option('--stop', 'say that one has stopped')
    .action((to: string, { stop = false }: { readonly stop?: boolean }) =>
      run(async (client, terminal) => {
        const { room, forMs } = await client.presence.type(to, !stop);
        const text = stop ? 'No longer.' : `For ${forMs / 1_000} s.`;
        terminal.result({ room, active: !stop, forMs }, text);
      }),
    );
}

function presenceText({ account, status, lastSeen }: PersonPresenceJson): string {
  const since = lastSeen === null ? '' : `, last seen ${new Date(lastSeen).toLocaleString()}`;
  return printable(`@${account}  ${status}${since}`);
}
