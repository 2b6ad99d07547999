import { toBase64Url } from '../protocol/base64url.ts';
import type { AuditPart } from '../protocol/audit.ts';
import type {
  AccountId,
  AccountName,
  BlobId,
  DeviceId,
  LockName,
  NodeName,
  RoomId,
  SessionId,
  TxnId,
} from '../protocol/ids.ts';

/**
 * Keys of all rows. One letter for the kind, then ids; numbers have a fixed width so that text order is number
 * order. Only ids stand in keys, but for those of which `tellsMoreThanIds` is true.
 */
export const KEYS = {
  /** Counters of the whole cluster. */
  globals: 'g',
  account: (account: AccountId) => `a/${account}`,
  name: (name: AccountName | string) => `n/${name}`,
  /** Whose device it is, and whether it was revoked; kept for ever, so that a revoked key never comes back. */
  device: (device: DeviceId) => `v/${device}`,
  /** The greatest txnId of a message that this device sent. */
  deviceTxn: (device: DeviceId) => `h/${device}`,
  deviceSessions: (device: DeviceId) => `z/${device}`,
  /** Devices of this account that wait to be enrolled. */
  requests: (account: AccountId) => `q/${account}`,
  /** What an approved device fetches: the sealed user key. */
  answer: (device: DeviceId) => `y/${device}`,
  session: (session: SessionId) => `s/${session}`,
  spent: (session: SessionId, hash: Uint8Array) => `u/${session}/${toBase64Url(hash)}`,
  challenge: (id: Uint8Array) => `c/${toBase64Url(id)}`,
  lock: (name: LockName) => `l/${name}`,
  sessionLocks: (session: SessionId) => `o/${session}`,
  /** The greatest fencing token so far. */
  lockTokens: 'o',
  invite: (hash: Uint8Array) => `i/${toBase64Url(hash)}`,
  room: (room: RoomId) => `r/${room}`,
  /** Owners and admins of a room. */
  staff: (room: RoomId) => `m/${room}`,
  /** Who is in a room, in the order in which they joined. */
  place: (room: RoomId, place: number) => `${placesOf(room)}${fixed(place)}`,
  /** Who was taken out of an open room, and does not come back alone. */
  shutOut: (room: RoomId, account: AccountId) => `V/${room}/${account}`,
  /** Index of words of the names of open rooms, in ASCII; see `search-words.ts`. */
  roomNames: 'G/',
  roomName: (searchKey: string, room: RoomId) => `G/${searchKey}/${room}`,
  meta: (room: RoomId) => `k/${room}`,
  /** Index of an account's rooms. */
  membership: (account: AccountId, room: RoomId | '') => `j/${account}/${room}`,
  message: (room: RoomId, seq: number) => `e/${room}/${fixed(seq)}`,
  receipt: (room: RoomId, account: AccountId | '') => `d/${room}/${account}`,
  /** Of accounts that keep to themselves how far they have read. */
  receiptsHidden: (account: AccountId) => `D/${account}`,
  pins: (room: RoomId) => `p/${room}`,
  link: (room: RoomId, secretHash: Uint8Array) => `${linksOf(room)}${toBase64Url(secretHash)}`,
  /** Index of where something happened last; see `activity.ts`. */
  activities: 'J/',
  activity: (span: number, scope: ActivityScope | '') => `J/${fixed(span)}/${scope}`,
  /** The room that a webhook speaks in, and all webhooks of a room. */
  hook: (hook: DeviceId) => `Y/${hook}`,
  roomHooks: (room: RoomId) => `Y/${room}`,
  /** Edits of and reactions to a message. */
  relations: (room: RoomId, seq: number) => `O/${room}/${fixed(seq)}`,
  /** Which seqs of a block hold messages; see `unread.ts`. */
  messageBits: (room: RoomId, block: number) => `b/${room}/${fixed(block)}`,
  /** Counters of a feed of stored events; see `FeedScope`. */
  feed: (scope: FeedScope) => `f/${scope}`,
  feedEvent: (scope: FeedScope, number: number) => `w/${scope}/${fixed(number)}`,
  blob: (blob: BlobId | '') => `B/${blob}`,
  /** What the files of an account take. */
  blobUse: (account: AccountId) => `U/${account}`,
  /** Index of the messages that refer to a file. */
  blobReference: (blob: BlobId, room: RoomId, seq: number) => `F/${blob}/${room}/${fixed(seq)}`,
  blobReferences: (blob: BlobId, room: RoomId) => `F/${blob}/${room}/`,
  txn: (principal: string, scope: string, txnId: TxnId) => `t/${principal}/${scope}/${txnId}`,
  /** The key that nodes share for what they broadcast. */
  keyRing: 'K',
  registration: 'S',
  serverAdmins: 'S/admins',
  /** What bounds all rooms and accounts. */
  serverLimits: 'S/limits',
  /** Target: messages of a room whose time is over. */
  retained: (room: RoomId) => `T/${room}`,
  /** What is left to do since the retention of the server was changed. */
  retentionJob: 'T',
  /** What the leader proposes for it: a room of the job that began then. */
  retentionOf: (since: number, room: RoomId) => `T/${fixed(since)}/${room}`,
  quotas: (account: AccountId) => `E/${account}`,
  /** How many messages an account sent today. */
  sentToday: (account: AccountId) => `H/${account}`,
  /** How many rooms an account is in. */
  roomCount: (account: AccountId) => `j/${account}`,
  ban: (account: AccountId | '') => `X/${account}`,
  /** All banned addresses in one row: they are bounded, and looked at all together. */
  addressBans: 'I',
  /** How often they were changed: tells a node when to read them again. */
  addressBansVersion: 'I/version',
  /** What is left to do for an account that was deleted. */
  erasure: (account: AccountId | '') => `Z/${account}`,
  profile: (account: AccountId) => `P/${account}`,
  /** Index of words of display names, in ASCII; see `search-words.ts`. */
  displayNames: 'W/',
  displayName: (searchKey: string, account: AccountId) => `W/${searchKey}/${account}`,
  /** Whom an account has blocked, and how many. */
  block: (account: AccountId, other: AccountId | '') => `C/${account}/${other}`,
  blockCount: (account: AccountId) => `C/${account}`,
  /** Up to where the removal of all that was written in a room has got. */
  purge: (room: RoomId) => `R/${room}`,
  reportCounts: 'Q',
  reports: 'Q/report/',
  report: (id: number) => `Q/report/${fixed(id)}`,
  openReports: (account: AccountId) => `Q/open/${account}`,
  /** Where the audit log begins and ends. */
  auditSpans: 'A',
  audit: (part: AuditPart, number: number) => `A/${part}/${fixed(number)}`,
  /** What was refused to an account, or to nobody in particular, and is yet to be told. */
  refused: (account: AccountId | null) => `A/refused/${account ?? ''}`,
  refusedOpen: 'A/refused',
  password: (account: AccountId) => `Y/password/${account}`,
  totp: (account: AccountId) => `Y/totp/${account}`,
  vault: (account: AccountId) => `Y/vault/${account}`,
  /** Attempts to log in: on an account, or on a name that nobody has (its hash), or on further such names. */
  nameAttempts: (who: AccountId | string) => `Y/name/${who}`,
  strangerNames: 'Y/name',
  addressAttempts: (hash: Uint8Array) => `Y/address/${toBase64Url(hash)}`,
  grant: (hash: Uint8Array) => `Y/grant/${toBase64Url(hash)}`,
  /** The nodes' keys for OPAQUE, sealed, and how many there are. */
  loginSetup: (version: number) => `Y/setup/${fixed(version)}`,
  loginSetupCount: 'Y/setup',
  /** The last that a node brought in. */
  refusedLast: (node: NodeName) => `A/node/${node}`,
  /** Index of everything that expires: `x/<milliseconds>/<key of what expires>`. */
  expiry: (expiresAt: number, target: string) => `x/${fixed(expiresAt)}/${target}`,
  /** Target for the dedupe records of one log entry; the row lists them. */
  txnGroup: (index: number, part: number) => `t/${fixed(index)}/${part}`,
} as const;

/** Names that people are looked up by: of accounts, words of display names and of names of open rooms; and of locks. */
const TELLING_KEY = /^(?:[nWGl]\/|x\/\d{16}\/l\/)/;

/** Whether a key holds what people chose. Nodes let no such key stand on their disks in clear. */
export const tellsMoreThanIds = (key: string): boolean => TELLING_KEY.test(key);

export const placesOf = (room: RoomId): string => `m/${room}/`;

/** Open rooms among all. */
export const OPEN_ROOMS = 'r/O';

export const linksOf = (room: RoomId): string => `L/${room}/`;

/**
 * Whose stored events these are: a room's, an account's own, or the changes of an account's devices, which others
 * see too.
 */
export type FeedScope = RoomId | AccountId | DeviceFeedScope;
type DeviceFeedScope = `${AccountId}/devices`;

export const deviceFeed = (account: AccountId): DeviceFeedScope => `${account}/devices`;

/** Where something happens that many hear of: messages of a room, its other events, changes of devices. */
export type ActivityScope = `m/${RoomId}` | `f/${RoomId | DeviceFeedScope}`;

const DIGITS = 16;
const EXPIRY_KEY = /^x\/(\d{16})\/(.+)$/s;

/** Safe integers have at most 16 decimal digits. */
const fixed = (value: number): string => value.toString().padStart(DIGITS, '0');

/** The number at the end of a key with a fixed-width number. */
export function numberAtEnd(key: string): number {
  return Number(key.slice(-DIGITS));
}

export function parseExpiryKey(key: string): { readonly expiresAt: number; readonly target: string } | undefined {
  const [, time, target] = EXPIRY_KEY.exec(key) ?? [];
  return time === undefined || target === undefined ? undefined : { expiresAt: Number(time), target };
}

const ACTIVITY_KEY = /^J\/\d{16}\/(.+)$/;

/** The scope in a key of the index of activity. */
export function scopeIn(activityKey: string): ActivityScope {
  return ACTIVITY_KEY.exec(activityKey)![1] as ActivityScope;
}

/** The first text after all that start with `prefix`, for ASCII keys. */
export function afterPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
