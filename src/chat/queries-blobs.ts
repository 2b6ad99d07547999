import { afterPrefix, KEYS, numberAtEnd } from './keys.ts';
import { membershipIn } from './queries-rooms.ts';
import { readRow } from './queries-rows.ts';
import { blobCodec, blobUseCodec } from './blob-rows.ts';
import type { AccountId, BlobId, RoomId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

export interface BlobInfo {
  readonly blob: BlobId;
  readonly owner: AccountId;
  readonly sizeBytes: number;
  /** A majority of the voters have it on their disks. */
  readonly stored: boolean;
  /** How many messages refer to it. */
  readonly references: number;
  /** When it ends unless a message refers to it; null while one does. */
  readonly expiresAt: StampMs | null;
}

export function blobById(reader: StateReader, blob: BlobId): BlobInfo | undefined {
  const row = readRow(reader, KEYS.blob(blob), blobCodec);
  return row === undefined ? undefined : { blob, ...row };
}

/** What an account's files take, in bytes. */
export function blobUseOf(reader: StateReader, account: AccountId): number {
  return readRow(reader, KEYS.blobUse(account), blobUseCodec) ?? 0;
}

/**
 * A file as a member of a room may read it: where a message refers to it that this member may read.
 *
 * @returns undefined where there is none, or no such room
 */
export async function blobInRoom(
  reader: StateReader,
  ask: { readonly account: AccountId; readonly room: RoomId; readonly blob: BlobId },
): Promise<BlobInfo | undefined> {
  const { account, room, blob } = ask;
  const membership = membershipIn(reader, account, room);
  if (membership === undefined) return undefined;
  const prefix = KEYS.blobReferences(blob, room);
  const [newest] = await reader.range({ gte: prefix, lt: afterPrefix(prefix), limit: 1, reverse: true });
  if (newest === undefined || numberAtEnd(newest[0]) < membership.joinedSeq) return undefined;
  return blobById(reader, blob);
}

/** Files in the order of their ids, those behind `after`. */
export async function blobsAfter(reader: StateReader, after: BlobId | '', limit: number): Promise<readonly BlobInfo[]> {
  const rows = await reader.range({ gte: `${KEYS.blob(after)}\0`, lt: afterPrefix(KEYS.blob('')), limit });
  return rows.map(([key, bytes]) => ({ blob: key.slice(KEYS.blob('').length) as BlobId, ...blobCodec.decode(bytes) }));
}
