/**
 * Names of things, as branded types: a `RoomId` cannot be passed where a `DeviceId` is wanted.
 *
 * Ids are one letter for their kind followed by 26 characters of lower-case base32 (128 bits). They are derived,
 * never drawn: every replica and the client itself compute the same id from the same input (see `derive-ids.ts`).
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Name of a node as it stands in `--peers`, e.g. `n1`. */
export type NodeName = Brand<string, 'NodeName'>;
/** `C` + 26 base32 characters; made once, when the cluster is founded. */
export type ClusterId = Brand<string, 'ClusterId'>;
/** `A` + 26 base32 characters, derived from the first user signing key. */
export type AccountId = Brand<string, 'AccountId'>;
/** `[a-z0-9._-]{2,32}`, case-folded, unique, never reused. Without the leading `@`. */
export type AccountName = Brand<string, 'AccountName'>;
/** `D` + 26 base32 characters, derived from the device's signing key. */
export type DeviceId = Brand<string, 'DeviceId'>;
/** `S` + 26 base32 characters, derived from the device and the transaction that opened the session. */
export type SessionId = Brand<string, 'SessionId'>;
/**
 * `R` + 26 base32 characters; a direct room's id derives from its two accounts. An open room's begins with `O`: no node
 * can pass off a room as open that is not, or the other way round.
 */
export type RoomId = Brand<string, 'RoomId'>;
/** `B` + 52 base32 characters: the whole SHA-256 that `blobs.ts` derives from a file's ciphertext. */
export type BlobId = Brand<string, 'BlobId'>;
/** ULID made by the client: 26 characters of Crockford base32, 48 bits of milliseconds then 80 random bits. */
export type TxnId = Brand<string, 'TxnId'>;
/** `<txnId>-<deviceId>`: unique without a counter, known to the sender before the reply. */
export type MessageId = Brand<string, 'MessageId'>;
/** Position of an envelope in its room, from 1, gap-free. */
export type Seq = Brand<number, 'Seq'>;
/** Up to 128 of `A–Za–z0–9._:-`; behind `<room id>/` for a lock that only the members of that room may take. */
export type LockName = Brand<string, 'LockName'>;
/** Milliseconds since the Unix epoch, stamped by the leader, never decreasing along the log. */
export type StampMs = Brand<number, 'StampMs'>;

const idPattern = (letter: string): RegExp => new RegExp(`^${letter}[a-z2-7]{26}$`);
export const ID_PATTERNS = {
  cluster: idPattern('C'),
  account: idPattern('A'),
  device: idPattern('D'),
  session: idPattern('S'),
  room: idPattern('[OR]'),
  // 256 bits fill 51 characters and one bit of the last.
  blob: /^B[a-z2-7]{51}[aq]$/,
  nodeName: /^[a-z][a-z0-9-]{0,31}$/,
  accountName: /^[a-z0-9._-]{2,32}$/,
  lockName: /^(?:[OR][a-z2-7]{26}\/)?[A-Za-z0-9._:-]{1,128}$/,
  txn: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
} as const;

export const isRoomId = (text: string): text is RoomId => ID_PATTERNS.room.test(text);
/** What is written in it is not encrypted: nodes and everybody who joins can read it. */
export const isOpenRoom = (room: RoomId): boolean => room.startsWith('O');
export const isDeviceId = (text: string): text is DeviceId => ID_PATTERNS.device.test(text);
export const isAccountId = (text: string): text is AccountId => ID_PATTERNS.account.test(text);
export const isSessionId = (text: string): text is SessionId => ID_PATTERNS.session.test(text);
export const isTxnId = (text: string): text is TxnId => ID_PATTERNS.txn.test(text);
export const isBlobId = (text: string): text is BlobId => ID_PATTERNS.blob.test(text);
export const isNodeName = (text: string): text is NodeName => ID_PATTERNS.nodeName.test(text);
export const isAccountName = (text: string): text is AccountName => ID_PATTERNS.accountName.test(text);
export const isClusterId = (text: string): text is ClusterId => ID_PATTERNS.cluster.test(text);

export const isLockName = (text: string): text is LockName => ID_PATTERNS.lockName.test(text);

/** The room whose members may take this lock; null for one that everybody may. */
export function lockRoomOf(name: LockName): RoomId | null {
  const [room, rest] = name.split('/');
  return rest === undefined ? null : (room as RoomId);
}

export function messageIdOf(txnId: TxnId, device: DeviceId): MessageId {
  return `${txnId}-${device}` as MessageId;
}
