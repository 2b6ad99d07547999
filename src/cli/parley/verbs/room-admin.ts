import { InvalidArgumentError } from 'commander';
import { printable } from '../../printable.ts';
import { formatTable } from '../../table.ts';
import { parseCount, parseLifetime, parsePlace } from '../arguments.ts';
import type { Command } from 'commander';
import type { Role } from '../../../protocol/commands.ts';
import type { Run } from '../run.ts';

const CALL_MS_MAX = 30_000;
const DAY_MS = 24 * 3_600_000;
const ROLES: readonly Role[] = ['owner', 'admin', 'member'];

/** What one does to rooms and to the people in them, as `parley room …`. */
export function addRoomAdminVerbs(room: Command, run: Run): void {
  const verb = (name: string, description: string): Command =>
    room.command(name).description(description).argument('<room>', 'its name, or room:ID');

  verb('rename', 'give a room another name')
    .argument('<name>')
    .action((target: string, name: string) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.describe(target, { name }, CALL_MS_MAX);
        terminal.result({ room: id, name }, `${printable(name)} is room:${id}`);
      }),
    );
  verb('topic', 'say what a room is about')
    .argument('<text>', 'empty for none')
    .action((target: string, topic: string) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.describe(target, { topic }, CALL_MS_MAX);
        terminal.result({ room: id, topic }, 'Done.');
      }),
    );
  verb('archive', 'let nothing more be written in a room')
    .option('--undo', 'let it be written in again')
    .action((target: string, { undo = false }: { undo?: boolean }) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.archive(target, !undo, CALL_MS_MAX);
        terminal.result({ room: id, archived: !undo }, undo ? 'Open again.' : 'Archived.');
      }),
    );
  verb('ttl', 'let what is written from now on disappear after a time')
    .argument('<time>', '30s, 2h, 7d; off for never', (text: string) => (text === 'off' ? 0 : parseLifetime(text)))
    .action((target: string, ttlMs: number) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.setTtl(target, ttlMs, CALL_MS_MAX);
        terminal.result({ room: id, messageTtlMs: ttlMs }, ttlMs === 0 ? 'Messages stay.' : 'Messages will disappear.');
      }),
    );
  verb('retention', 'let all that was written in a room go so long after it was, older messages too')
    .argument('<time>', '30d, 12h; off for as long as the server says', (text: string) =>
      text === 'off' ? 0 : parseLifetime(text),
    )
    .action((target: string, retentionMs: number) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.setRetention(target, retentionMs, CALL_MS_MAX);
        terminal.result({ room: id, retentionMs }, retentionMs === 0 ? 'As the server says.' : 'Done.');
      }),
    );
  addMemberVerbs(verb, run);
  addPinVerbs(verb, run);
  addInviteVerbs(room, verb, run);
}

type Verb = (name: string, description: string) => Command;

function addMemberVerbs(verb: Verb, run: Run): void {
  verb('remove', 'take somebody out of a room')
    .argument('<member>')
    .action((target: string, member: string) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.remove(target, member, CALL_MS_MAX);
        terminal.result({ room: id, removed: member }, `Removed ${printable(member)}.`);
      }),
    );
  verb('leave', 'leave a room; its last owner makes another one owner first').action((target: string) =>
    run(async (client, terminal) => {
      const id = await client.roomAdmin.leave(target, CALL_MS_MAX);
      terminal.result({ room: id, state: 'left' }, 'You have left.');
    }),
  );
  verb('role', 'make somebody owner, admin or member')
    .argument('<member>')
    .argument('<role>', ROLES.join(', '), parseRole)
    .action((target: string, member: string, role: Role) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.setRole(target, member, role, CALL_MS_MAX);
        terminal.result({ room: id, account: member, role }, `${printable(member)} is ${role} now.`);
      }),
    );
  verb('mute', 'keep somebody from writing for a while')
    .argument('<member>')
    .option('--for <TIME>', 'how long: 30s, 2h, 7d', parseLifetime, DAY_MS)
    .option('--undo', 'let them write again')
    .action((target: string, member: string, options: { for: number; undo?: boolean }) =>
      run(async (client, terminal) => {
        const forMs = options.undo === true ? 0 : options.for;
        const id = await client.roomAdmin.mute(target, member, forMs, CALL_MS_MAX);
        const text = forMs === 0 ? `${printable(member)} may write again.` : `${printable(member)} is muted.`;
        terminal.result({ room: id, account: member, mutedForMs: forMs }, text);
      }),
    );
}

function addPinVerbs(verb: Verb, run: Run): void {
  const seq = 'the number of the message: parley read --numbers';
  verb('pin', 'keep a message in sight')
    .argument('<seq>', seq, parsePlace)
    .action((target: string, place: number) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.pin(target, place, CALL_MS_MAX);
        terminal.result({ room: id, pinned: place }, 'Pinned.');
      }),
    );
  verb('unpin', 'no longer')
    .argument('<seq>', seq, parsePlace)
    .action((target: string, place: number) =>
      run(async (client, terminal) => {
        const id = await client.roomAdmin.unpin(target, place, CALL_MS_MAX);
        terminal.result({ room: id, unpinned: place }, 'Unpinned.');
      }),
    );
}

function addInviteVerbs(room: Command, verb: Verb, run: Run): void {
  verb('invite', 'print a link by which people let themselves in')
    .option('--for <TIME>', 'how long it holds: 2h, 7d', parseLifetime, DAY_MS)
    .option('--uses <N>', 'how many may use it', parseCount, 1)
    .option('--revoke <ID>', 'take a link back instead')
    .action((target: string, options: { for: number; uses: number; revoke?: string }) =>
      run(async (client, terminal) => {
        if (options.revoke !== undefined) {
          const id = await client.roomAdmin.revokeInvite(target, options.revoke, CALL_MS_MAX);
          terminal.result({ room: id, revoked: options.revoke }, 'Revoked.');
          return;
        }
        const made = await client.roomAdmin.invite(target, { ttlMs: options.for, usesMax: options.uses }, CALL_MS_MAX);
        terminal.result(made, made.link);
      }),
    );
  verb('invites', 'list the links into a room').action((target: string) =>
    run(async (client, terminal) => {
      const lines = await client.roomAdmin.invites(target, CALL_MS_MAX);
      if (terminal.json) for (const line of lines) terminal.result(line, '');
      else {
        const rows = lines.map(({ id, by, expiresAt, usesLeft }) => [id, by, expiresAt, String(usesLeft)]);
        terminal.result({}, formatTable(['id', 'by', 'until', 'uses left'], rows, [3]));
      }
    }),
  );
  room
    .command('join')
    .description('let oneself into a room: by a link, or into an open room')
    .argument('<link>', 'or room:ID of an open room')
    .action((link: string) =>
      run(async (client, terminal) => {
        if (link.startsWith('room:')) {
          const room = await client.openRooms.join(link);
          terminal.note('what is written in this room is not end-to-end encrypted.');
          terminal.result({ room, state: 'joined' }, `You are in room:${room}.`);
          return;
        }
        const id = await client.roomAdmin.join(link, CALL_MS_MAX);
        terminal.result(
          { room: id, state: 'joined' },
          `You are in room:${id}; its name shows once a member seals it for you.`,
        );
      }),
    );
}

function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role === undefined) throw new InvalidArgumentError(`One of ${ROLES.join(', ')}.`);
  return role;
}
