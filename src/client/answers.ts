import { Value } from '@sinclair/typebox/value';
import { directRoomIdOf } from '../protocol/derive-ids.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { HookReply, HooksReply } from '../protocol/http/hooks.ts';
import { MembersReply, OpenRoomsReply } from '../protocol/http/open-rooms.ts';
import { BlobProgressReply } from '../protocol/http/blobs.ts';
import { isBase64Url } from '../protocol/base64url.ts';
import { BlockReply, BlocksReply, PeopleReply, ProfileReply, ProfileSetReply } from '../protocol/http/people.ts';
import { PresenceReply, TypingReply } from '../protocol/http/presence.ts';
import { ReportReply } from '../protocol/http/reports.ts';
import { NamedReply } from '../protocol/http/admin.ts';
import { LockAcquireReply, LockJson, LockReleaseReply, LockRenewReply, LocksReply } from '../protocol/http/locks.ts';
import {
  AccountJson,
  ChallengeReply,
  ClusterReply,
  DeletionReply,
  DeviceReply,
  DeviceRequestReply,
  DeviceRequestsReply,
  DeviceRequestStatus,
  LinkReply,
  LinksReply,
  MessagesReply,
  ReceiptsReply,
  RegisterReply,
  RoomDetail,
  RoomReply,
  RoomsReply,
  SendReply,
  SessionEndReply,
  SessionReply,
  SessionsReply,
  StatusReply,
} from '../protocol/http/schemas.ts';
import type { Static, TSchema } from '@sinclair/typebox';
import type { AccountId, BlobId, MessageId, RoomId } from '../protocol/ids.ts';
import type { AccountJsonT, MessageJsonT, RoomSummaryJson } from '../protocol/http/schemas.ts';

/**
 * What nodes answer, checked before anything is done with it: a node may be broken, of another kind, or lie. Whatever
 * no honest node answers is as good as no answer, and the next node is asked.
 */

/** @throws OddAnswer */
export type Decode<T> = (json: unknown) => T;

/** No honest node answers like this. */
export class OddAnswer extends Error {
  constructor() {
    super('This is not what a node answers.');
  }
}

/** Fields that this program does not know are left out: a newer node may say more. */
export function decoderOf<S extends TSchema>(
  schema: S,
  holds: (value: Static<S>) => boolean = () => true,
): Decode<Static<S>> {
  return (json) => {
    const value = Value.Clean(schema, json);
    if (!Value.Check(schema, value) || !holds(value)) throw new OddAnswer();
    return value;
  };
}

/** For requests whose success says everything. */
export const anything: Decode<unknown> = (json) => json;

export const cluster = decoderOf(ClusterReply);
export const clusterStatus = decoderOf(StatusReply);
export const challenge = decoderOf(ChallengeReply, ({ challenge: bytes }) => isBase64Url(bytes));
export const session = decoderOf(SessionReply);
export const registered = decoderOf(RegisterReply);
export const named = (name: string): Decode<Static<typeof NamedReply>> =>
  decoderOf(NamedReply, (answer) => answer.account === name);

// ------------------------------------------------------------ people

type DeviceJsonT = AccountJsonT['devices'][number];

const areKeys = (keys: Pick<DeviceJsonT, 'signingKey' | 'sealingKey'>): boolean =>
  isBase64Url(keys.signingKey) && isBase64Url(keys.sealingKey);
const isRecord = (record: DeviceJsonT): boolean => areKeys(record) && isBase64Url(record.signature);
const isPerson = ({ userKey, devices }: Pick<AccountJsonT, 'userKey' | 'devices'>): boolean =>
  isBase64Url(userKey) && devices.every(isRecord) && areDifferent(devices.map(({ device }) => device));
const areDifferent = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;

export const accountCalled = (name: string): Decode<AccountJsonT> =>
  decoderOf(AccountJson, (told) => told.account === name && isPerson(told));

export const deviceRequested = decoderOf(DeviceRequestReply);
export const deviceRequests = decoderOf(DeviceRequestsReply, ({ requests }) => requests.every(areKeys));
export const deviceRequestStatus = decoderOf(
  DeviceRequestStatus,
  ({ userKey, record, sealedUserKey }) =>
    isBase64Url(userKey) && (record === undefined || isRecord(record)) && isBase64Url(sealedUserKey ?? ''),
);

/** Some of those who were asked for, each once, under the ids that they are known by. */
export const presenceOf = (asked: ReadonlyMap<string, AccountId>): Decode<Static<typeof PresenceReply>> =>
  decoderOf(
    PresenceReply,
    ({ people }) =>
      people.every(({ account, accountId }) => asked.get(account) === accountId) &&
      people.every(({ lastSeen }) => lastSeen === null || !Number.isNaN(Date.parse(lastSeen))) &&
      areDifferent(people.map(({ account }) => account)),
  );
export const typingTaken = (room: RoomId): Decode<Static<typeof TypingReply>> =>
  decoderOf(TypingReply, (answer) => answer.room === room && answer.forMs > 0);

// ------------------------------------------------------------ rooms

const isSummary = ({ room, sealedMeta, peer, kind }: RoomSummaryJson): boolean =>
  isBase64Url(sealedMeta ?? '') &&
  (peer !== undefined) === (kind === 'direct') &&
  (kind === 'open') === isOpenRoom(room as RoomId);

/** A page of rooms, in the order of their ids, behind `after`. */
export const roomsAfter = (after: string): Decode<Static<typeof RoomsReply>> =>
  decoderOf(RoomsReply, ({ rooms, next }) => {
    const ids = rooms.map(({ room }) => room);
    const inOrder = ids.every((id, i) => id > (ids[i - 1] ?? after));
    return inOrder && rooms.every(isSummary) && (next === null || next >= (ids.at(-1) ?? `${after}\0`));
  });

/**
 * One room with its members; an open one without. A direct room's id derives from its two accounts, so nobody can be slipped into one.
 * @param own the asking account
 * @param peer the other account, where the asking client knows that this is a direct room
 */
export const roomDetail = (room: RoomId, own: AccountId, peer: AccountId | null): Decode<Static<typeof RoomDetail>> =>
  decoderOf(RoomDetail, (detail) => {
    const accounts = detail.members.map(({ accountId }) => accountId as AccountId);
    const others = accounts.filter((account) => account !== own);
    const devices = detail.members.flatMap((member) => member.devices.map(({ device }) => device));
    const direct = peer ?? others.find((other) => directRoomIdOf(own, other) === room) ?? null;
    const isOne = detail.room === room && isSummary(detail) && detail.members.every(isPerson);
    if (isOpenRoom(room)) return isOne && accounts.length === 0;
    const fits = direct === null ? detail.kind === 'group' : detail.kind === 'direct' && others.join() === direct;
    return isOne && fits && others.length + 1 === accounts.length && areDifferent(accounts) && areDifferent(devices);
  });

export const membersOf = decoderOf(MembersReply, ({ members }) => members.every(isPerson));
export const openRooms = decoderOf(OpenRoomsReply, ({ rooms }) =>
  rooms.every(({ room }) => isOpenRoom(room as RoomId)),
);

export const linkMade = (room: RoomId): Decode<Static<typeof LinkReply>> =>
  decoderOf(LinkReply, (answer) => answer.room === room && !Number.isNaN(Date.parse(answer.expiresAt)));
export const links = decoderOf(LinksReply);

export const roomWritten = (room: RoomId): Decode<Static<typeof RoomReply>> =>
  decoderOf(RoomReply, (answer) => answer.room === room);

export const hookMade = (room: RoomId, hook: string): Decode<Static<typeof HookReply>> =>
  decoderOf(HookReply, (answer) => answer.room === room && answer.hook === hook);
export const hooksOf = decoderOf(HooksReply, ({ hooks }) =>
  hooks.every(({ signingKey, signature }) => isBase64Url(signingKey) && isBase64Url(signature)),
);

/** How far others have got in a room. */
export const receipts = decoderOf(ReceiptsReply);

export const reported = decoderOf(ReportReply);

// ------------------------------------------------------------ profiles, blocks, sessions

export const profileOf = (name: string): Decode<Static<typeof ProfileReply>> =>
  decoderOf(ProfileReply, (answer) => answer.account === name);
export const profileSet = decoderOf(ProfileSetReply);
export const peopleFound = decoderOf(PeopleReply);
export const blocked = (name: string): Decode<Static<typeof BlockReply>> =>
  decoderOf(BlockReply, (answer) => answer.account === name);
export const blocks = decoderOf(BlocksReply);
export const sessions = decoderOf(SessionsReply);
export const sessionEnded = decoderOf(SessionEndReply);
export const deviceNamed = (device: string): Decode<Static<typeof DeviceReply>> =>
  decoderOf(DeviceReply, (answer) => answer.device === device);

// ------------------------------------------------------------ locks

export const lockAcquired = (name: string): Decode<Static<typeof LockAcquireReply>> =>
  decoderOf(
    LockAcquireReply,
    (answer) => answer.name === name && (answer.state === 'held') === (answer.token !== null),
  );
export const lockRenewed = (name: string, token: number): Decode<Static<typeof LockRenewReply>> =>
  decoderOf(LockRenewReply, (answer) => answer.name === name && answer.token === token);
export const lockReleased = (name: string): Decode<Static<typeof LockReleaseReply>> =>
  decoderOf(LockReleaseReply, (answer) => answer.name === name);
export const lockShown = (name: string): Decode<Static<typeof LockJson>> =>
  decoderOf(LockJson, (answer) => answer.name === name);
export const locksShown = decoderOf(LocksReply);

// ------------------------------------------------------------ files

/** What a node says that it lacks of a file with so many chunks. */
export const blobProgress = (blob: BlobId, chunks: number): Decode<Static<typeof BlobProgressReply>> =>
  decoderOf(
    BlobProgressReply,
    (answer) =>
      answer.blob === blob &&
      answer.chunks === chunks &&
      answer.missing.every(
        ([first, last], i) => first <= last && last < chunks && first > (answer.missing[i - 1]?.[1] ?? -1),
      ),
  );

// ------------------------------------------------------------ messages

/** One message as nodes show it: in pages and in live events. */
export const isMessage = (message: MessageJsonT): boolean =>
  message.id.endsWith(`-${message.device}`) &&
  (message.envelope === undefined) !== (message.gone === undefined) &&
  isBase64Url(message.envelope ?? '') &&
  !Number.isNaN(Date.parse(message.sentAt));

/** A page of one room: ascending, without gaps, within the bounds that were asked for. */
export const messagesOf = (
  room: RoomId,
  { after = 0, before = Number.POSITIVE_INFINITY, limit }: { after?: number; before?: number; limit: number },
): Decode<Static<typeof MessagesReply>> =>
  decoderOf(MessagesReply, ({ messages, lastSeq }) => {
    const first = messages[0]?.seq ?? after + 1;
    const inOrder = messages.every((message, i) => message.room === room && message.seq === first + i);
    const end = first + messages.length;
    const within = first > after && end <= before && messages.length <= limit;
    return inOrder && within && (messages.length === 0 || end - 1 <= lastSeq) && messages.every(isMessage);
  });

export const messageDeleted = (room: RoomId, seq: number): Decode<Static<typeof DeletionReply>> =>
  decoderOf(DeletionReply, (answer) => answer.room === room && answer.seqs.includes(seq));

export const messageSent = (room: RoomId, id: MessageId): Decode<Static<typeof SendReply>> =>
  decoderOf(SendReply, (answer) => answer.room === room && answer.id === id && answer.seq > 0);
