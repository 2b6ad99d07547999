import { printable } from '../../printable.ts';
import { formatTable } from '../../table.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

/** Rooms for everybody, as `parley room …`. */
export function addOpenRoomVerbs(room: Command, run: Run): void {
  room
    .command('find')
    .description('find open rooms; what is written in them is not end-to-end encrypted')
    .argument('[query]', 'how a word of the name begins', '')
    .action((query: string) =>
      run(async (client, terminal) => {
        const rows: string[][] = [];
        for await (const found of client.openRooms.find(query)) {
          if (terminal.json) terminal.result(found, '');
          else rows.push([printable(found.name), String(found.memberCount), `room:${found.room}`]);
        }
        if (terminal.json) return;
        if (rows.length === 0) terminal.note('there is no such room.');
        else terminal.result({}, formatTable(['name', 'members', 'id'], rows, [1]));
      }),
    );
  room
    .command('members')
    .description('list who is in a room')
    .argument('<room>', 'its name, or room:ID')
    .action((target: string) =>
      run(async (client, terminal) => {
        for await (const line of client.openRooms.members(target)) {
          const muted = line.mutedUntil === null ? '' : `, muted until ${line.mutedUntil}`;
          terminal.result(line, `${printable(line.account)} (${line.role}${muted})`);
        }
      }),
    );
}
