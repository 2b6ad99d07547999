import { Packr } from 'msgpackr';
import type { EnvelopeExtensions } from '../protocol/envelope-extensions.ts';
import type { RoomKind } from '../protocol/commands.ts';
import type { AccountId, AccountName, BlobId, ClusterId, DeviceId, RoomId, SessionId, TxnId } from '../protocol/ids.ts';
import type { FileContent } from '../protocol/content.ts';
import type { StoreTransaction } from './store.ts';

/** The rows of a client's store, each with its key and its shape. */

export interface IdentityRow {
  readonly name: AccountName;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly userKey: Uint8Array;
  /** Secret keys: 32 bytes each. The user's is null on a device that waits for approval. */
  readonly userSecret: Uint8Array | null;
  readonly signingSecret: Uint8Array;
  readonly sealingSecret: Uint8Array;
  /** Identifies the registration or the device request, so that a retry is the same one. */
  readonly txnId: TxnId;
  readonly state: 'registering' | 'requesting' | 'enrolled';
}

export interface SessionRow {
  readonly session: SessionId;
  readonly accessSecret: Uint8Array;
  readonly refreshSecret: Uint8Array;
  /** Milliseconds since the epoch, by the clock of this machine. */
  readonly renewAtMs: number;
  /** What the next refresh announces; kept until it is answered, so that a repetition is identical. */
  readonly next: {
    readonly accessSecret: Uint8Array;
    readonly refreshSecret: Uint8Array;
    readonly txnId: TxnId;
  } | null;
}

export interface PinRow {
  readonly name: AccountName;
  readonly account: AccountId;
  readonly userKey: Uint8Array;
}

/** A device whose record was checked against the pinned user key. */
export interface DeviceRow {
  readonly account: AccountId;
  readonly signingKey: Uint8Array;
  readonly sealingKey: Uint8Array;
}

/** Where a device's latest message in a room stands, and which one of its messages it said it is. */
export interface LatestRow {
  readonly seq: number;
  readonly counter: number;
}

/** The ciphertext of a file, as it waits in the spool. */
export interface Upload {
  readonly blob: BlobId;
  /** Its name in the spool. */
  readonly spool: string;
  readonly sizeBytes: number;
  /** SHA-256 of each chunk, 32 bytes each. */
  readonly hashes: Uint8Array;
}

export interface OutboxRow {
  readonly txnId: TxnId;
  readonly room: RoomId;
  /** In a direct room: whom it is shared with, so that it can be opened when it does not exist yet. */
  readonly peer: AccountId | null;
  readonly content: Uint8Array;
  /** What nodes are to know of it. */
  readonly extensions?: EnvelopeExtensions;
  /** 32 random bytes; with the content they make the tag by which a retry is recognised. */
  readonly r: Uint8Array;
  readonly counter: number;
  /** The file that has to be stored before. */
  readonly upload?: Upload;
}

/** A webhook that an account vouches for. */
export interface HookRow {
  readonly account: AccountId;
  readonly room: RoomId;
  readonly name: string;
  readonly signingKey: Uint8Array;
}

/** A file of a message that this device has read. */
export type FileRow = { readonly room: RoomId } & FileContent;

/** A room as it was listed last, for when no node can be asked. */
export interface RoomRow {
  readonly kind: RoomKind;
  readonly name: string | null;
}

interface Rows {
  identity: IdentityRow;
  session: SessionRow;
  /** As the person gave them. */
  endpoints: readonly string[];
  /** Where the nodes of the cluster are, as one of them told. */
  nodes: readonly string[];
  /** Pinned at first contact. */
  cluster: ClusterId;
  /** What this client has caused; reads are not older. */
  cursor: string;
  /** Whether the person permitted plain HTTP to other machines. */
  insecureHttp: boolean;
  /** How many people this device had met when they were put into the vault last. */
  pinsKept: number;
  /** The newest version of the own vault that this device has seen. */
  vaultVersion: number;
  /** Envelopes sealed by this device so far. */
  counter: number;
}

const packr = new Packr({ useRecords: false, moreTypes: false });

export const pack = (value: unknown): Uint8Array => packr.pack(value);
/** Rows are written by this program alone, so what is read back has the shape that its key tells. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- The key decides; the caller knows the key.
export const unpack = <T>(bytes: Uint8Array): T => packr.unpack(bytes) as T;

export async function readRow<K extends keyof Rows>(tx: StoreTransaction, key: K): Promise<Rows[K] | undefined> {
  const bytes = await tx.get(key);
  return bytes === undefined ? undefined : unpack<Rows[K]>(bytes);
}

export function writeRow<K extends keyof Rows>(tx: StoreTransaction, key: K, value: Rows[K]): void {
  tx.put(key, pack(value));
}

export const KEY = {
  pin: (account: AccountId): string => `pin/${account}`,
  pinPrefix: 'pin/',
  pinName: (name: string): string => `pin-name/${name}`,
  device: (device: DeviceId): string => `device/${device}`,
  hook: (hook: DeviceId): string => `hook/${hook}`,
  room: (room: RoomId): string => `room/${room}`,
  roomPrefix: 'room/',
  outbox: (txnId: TxnId): string => `outbox/${txnId}`,
  outboxPrefix: 'outbox/',
  /** The r of a message, kept after it was sent. */
  salt: (txnId: TxnId): string => `salt/${txnId}`,
  /** The file that a message brings, by the message's id. */
  file: (id: string): string => `file/${id}`,
  /** Lines of a room that were read, a page of them in a row. */
  lines: (room: RoomId, page: number): string => `lines/${room}/${String(page).padStart(10, '0')}`,
  linesPrefix: (room: RoomId): string => `lines/${room}/`,
  /** Edits of messages of one page of a room. */
  edited: (room: RoomId, page: number): string => `edited/${room}/${String(page).padStart(10, '0')}`,
  editedPrefix: (room: RoomId): string => `edited/${room}/`,
  /** Pages that changed since their words were put into the index, by block. */
  unindexed: (room: RoomId, block: number): string => `unindexed/${room}/${String(block).padStart(8, '0')}`,
  unindexedRoom: (room: RoomId): string => `unindexed/${room}/`,
  unindexedPrefix: 'unindexed/',
  /** Words of one block of pages, and on which of them they stand. Nothing of a word is in the key. */
  words: (room: RoomId, block: number, bucket: number): string =>
    `words/${room}/${String(block).padStart(8, '0')}/${String(bucket).padStart(2, '0')}`,
  wordsRoom: (room: RoomId): string => `words/${room}/`,
  wordsPrefix: 'words/',
  /** How the index is written. */
  indexFormat: 'index-format',
  /** Which stretch of a room is kept without gaps. */
  filled: (room: RoomId): string => `filled/${room}`,
  /** What was typed into a room and not sent. */
  draft: (room: RoomId): string => `draft/${room}`,
  draftPrefix: 'draft/',
  /** The list of rooms as it was shown last. */
  inbox: 'inbox',
  /** How far a room is kept. */
  archived: (room: RoomId): string => `archived/${room}`,
  archivedPrefix: 'archived/',
  /** The seq at which a (device, txnId) was first delivered. */
  seen: (room: RoomId, device: DeviceId, txnId: string): string => `seen/${room}/${device}/${txnId}`,
  /** The latest message of a device in a room that was read, by its seq. */
  latest: (room: RoomId, device: DeviceId): string => `latest/${room}/${device}`,
} as const;
