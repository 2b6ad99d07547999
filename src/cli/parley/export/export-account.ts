import { LIMITS } from '../../../protocol/limits.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { MemberLine } from '../../../client/open-rooms.ts';
import type { RoomLine } from '../../../client/rooms.ts';
import type { ExportFolder } from './export-folder.ts';

/** What the server keeps of an account, beside its rooms; no keys, and nothing that lets anybody in. */
export async function exportAccount(client: ParleyClient, folder: ExportFolder): Promise<void> {
  const { account, device, cluster } = await client.whoAmI();
  const blocked: object[] = [];
  for await (const one of client.directory.blocked()) blocked.push(one);
  await folder.put('account.json', [{ account, device, cluster, devices: await client.account.devices(), blocked }]);
  await folder.put('profile.json', [await client.directory.profile()]);
  await folder.put('sessions.jsonl', await client.directory.sessions());
}

/** The rooms of an export as they are now, and who is in them; who is in an open room is not one's own affair. */
export async function exportRoomList(
  client: ParleyClient,
  folder: ExportFolder,
  rooms: readonly RoomLine[],
): Promise<void> {
  const lines: object[] = [];
  for (const room of rooms) {
    const members = room.kind === 'open' ? [] : await membersOf(client, room);
    lines.push({ ...room, ...(room.kind === 'open' ? {} : { members }), folder: `rooms/${room.room}` });
  }
  await folder.put('rooms.jsonl', lines);
}

/** Bounded: every member of such a room has a device that messages are encrypted for. */
async function membersOf(client: ParleyClient, { room }: RoomLine): Promise<readonly Omit<MemberLine, 'room'>[]> {
  const members: Omit<MemberLine, 'room'>[] = [];
  for await (const { account, role, mutedUntil } of client.openRooms.members(`room:${room}`)) {
    members.push({ account, role, mutedUntil });
    if (members.length >= LIMITS.devicesPerRoomMax) break;
  }
  return members;
}
