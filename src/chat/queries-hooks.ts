import { KEYS } from './keys.ts';
import { accountName } from './queries-accounts.ts';
import { membershipIn } from './queries-rooms.ts';
import { readRow } from './queries-rows.ts';
import { roomHooksCodec } from './hook-rows.ts';
import { idCodec } from './rows.ts';
import type { AccountId, AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { HookRow } from './hook-rows.ts';
import type { StateReader } from './ports.ts';

export interface HookInfo extends HookRow {
  readonly room: RoomId;
  readonly accountName: AccountName;
}

/**
 * Webhooks of a room, those too that were removed: members verify by them what was said.
 * @returns undefined for who is no member
 */
export function hooksOf(reader: StateReader, account: AccountId, room: RoomId): readonly HookInfo[] | undefined {
  if (membershipIn(reader, account, room) === undefined) return undefined;
  return hooksIn(reader, room);
}

/** @returns undefined where there is none that may speak */
export function hookById(reader: StateReader, hook: DeviceId): HookInfo | undefined {
  const room = readRow(reader, KEYS.hook(hook), idCodec<RoomId>());
  return room && hooksIn(reader, room).find((it) => it.hook === hook && !it.removed);
}

function hooksIn(reader: StateReader, room: RoomId): HookInfo[] {
  const rows = readRow(reader, KEYS.roomHooks(room), roomHooksCodec) ?? [];
  return rows.map((row) => ({ ...row, room, accountName: accountName(reader, row.account)! }));
}
