import { formatTable } from '../../table.ts';
import { printable } from '../../printable.ts';
import { addHookVerbs } from './hooks.ts';
import { addOpenRoomVerbs } from './open-rooms.ts';
import { addRoomAdminVerbs } from './room-admin.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

const CALL_MS_MAX = 30_000;

/** Where one talks: room create, room add, rooms. */
export function addRoomVerbs(parley: Command, run: Run): void {
  const room = parley.command('room').description('make rooms, and say who and what is in them');
  room
    .command('create')
    .description('make a group; its name is encrypted like messages are; or an open room')
    .argument('<name>')
    .argument('[member...]', 'account names')
    .option('--open', 'a room that anybody finds and joins; NOTHING IN IT IS ENCRYPTED, and that never changes')
    .action((name: string, members: string[], { open = false }: { open?: boolean }) =>
      run(async (client, terminal) => {
        const same = (await client.rooms.list(CALL_MS_MAX)).filter(
          (room) => room.name === name && room.kind !== 'direct',
        );
        const id = open
          ? await client.rooms.createOpen({ name }, members, CALL_MS_MAX)
          : await client.rooms.createGroup(name, members, CALL_MS_MAX);
        if (open) terminal.note('what is written in this room is not end-to-end encrypted.');
        if (same.length > 0) terminal.note(`you are in another room of this name: tell them apart by room:ID`);
        terminal.result(
          { room: id, kind: open ? 'open' : 'group', name, lastSeq: 0 },
          `${printable(name)} is room:${id}`,
        );
      }),
    );
  room
    .command('add')
    .description('add people to a group; they read what is written from then on')
    .argument('<room>', 'its name, or room:ID')
    .argument('<member...>', 'account names')
    .action((target: string, members: string[]) =>
      run(async (client, terminal) => {
        const { room: id } = await client.rooms.resolve(target, CALL_MS_MAX);
        for (const member of members) {
          await client.rooms.add(id, member, CALL_MS_MAX);
          terminal.result({ room: id, added: member }, `Added ${printable(member)}.`);
        }
      }),
    );

  addRoomAdminVerbs(room, run);
  addOpenRoomVerbs(room, run);
  addHookVerbs(room, run);

  parley
    .command('rooms')
    .description('list the rooms one is in')
    .action(() =>
      run(async (client, terminal) => {
        const lines = await client.rooms.list(CALL_MS_MAX);
        if (terminal.json) for (const line of lines) terminal.result(line, '');
        else if (lines.length === 0) terminal.note('you are in no room yet: send somebody a message, or make a room.');
        else {
          const rows = lines.map(({ kind, name, lastSeq, room: id }) => [
            name === null ? '(unreadable)' : `${kind === 'direct' ? '@' : ''}${printable(name)}`,
            kind,
            String(lastSeq),
            `room:${id}`,
          ]);
          terminal.result({}, formatTable(['name', 'kind', 'messages', 'id'], rows, [2]));
        }
      }),
    );
}
