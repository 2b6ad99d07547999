import { textOfBytes } from './bytes.ts';
import { timeOf } from './time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { AccountInfo } from '../chat/queries-accounts.ts';
import type { MessageInfo } from '../chat/queries-messages.ts';
import type { RoomDetailInfo, RoomSummaryInfo } from '../chat/queries-rooms.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { AccountId, AccountName } from '../protocol/ids.ts';
import type {
  AccountJsonT,
  DeviceJson,
  MemberJson,
  MessageJsonT,
  RoomDetailJson,
  RoomSummaryJson,
} from '../protocol/http/schemas.ts';

/** Rows as the API shows them, and device records as requests bring them. */

export function deviceJson(record: DeviceRecord): Static<typeof DeviceJson> {
  return {
    device: record.device,
    signingKey: textOfBytes(record.signingKey),
    sealingKey: textOfBytes(record.sealingKey),
    signature: textOfBytes(record.signature),
  };
}

export function accountJson({ account, name, userKey, devices, state }: AccountInfo): AccountJsonT {
  return {
    account: name,
    accountId: account,
    userKey: textOfBytes(userKey),
    devices: devices.map(deviceJson),
    ...(state === 'active' ? {} : { state }),
  };
}

export function roomSummaryJson(room: RoomSummaryInfo): RoomSummaryJson {
  return {
    room: room.room,
    kind: room.kind,
    lastSeq: room.lastSeq,
    joinedSeq: room.joinedSeq,
    memberCount: room.memberCount,
    role: room.role,
    archived: room.archived,
    read: room.read,
    unread: room.unread,
    messageTtlMs: room.ttlMs,
    retentionMs: room.retentionMs,
    ...(room.peer === undefined ? {} : { peer: { account: room.peer.name, accountId: room.peer.account } }),
    ...(room.sealedMeta === undefined ? {} : { sealedMeta: textOfBytes(room.sealedMeta) }),
    ...(room.namedBy === undefined ? {} : { namedBy: room.namedBy }),
  };
}

export function roomDetailJson(
  room: RoomDetailInfo,
  cursor: string,
  nameOf: (account: AccountId) => AccountName,
): RoomDetailJson {
  const pins = room.pins.map(({ seq, by, at }) => ({ seq, by: nameOf(by), at: timeOf(at) }));
  const { rosterVersion, members } = room;
  return { ...roomSummaryJson(room), rosterVersion, members: members.map(memberJson), pins, cursor };
}

export function memberJson(member: RoomDetailInfo['members'][number]): Static<typeof MemberJson> {
  return {
    account: member.name,
    accountId: member.account,
    role: member.role,
    joinedSeq: member.joinedSeq,
    mutedUntil: member.mutedUntil === null ? null : timeOf(member.mutedUntil),
    userKey: textOfBytes(member.userKey),
    devices: member.devices.map(deviceJson),
  };
}

/** Also the fields of a `message` event. */
export function messageJson(
  message: Pick<MessageInfo, 'room' | 'seq' | 'id' | 'from' | 'fromName' | 'device' | 'sentAt' | 'envelope' | 'gone'>,
): MessageJsonT {
  return {
    room: message.room,
    seq: message.seq,
    id: message.id,
    from: message.fromName,
    fromId: message.from,
    device: message.device,
    sentAt: timeOf(message.sentAt),
    ...(message.gone === null ? { envelope: textOfBytes(message.envelope) } : { gone: message.gone }),
  };
}
