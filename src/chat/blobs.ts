import { LIMITS } from '../protocol/limits.ts';
import { KEYS } from './keys.ts';
import { quotaExceeded, quotaOf } from './quotas.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { AccountId, BlobId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { BlobRow } from './blob-rows.ts';
import type { Work } from './work.ts';

/**
 * What the cluster knows of files; their bytes are on the nodes' disks, never here. A blob is begun by an account,
 * which is charged for it; becomes stored once a majority have it; and stays as long as a message refers to it. What
 * no message refers to has an end, by the leader's time.
 */
export const beginBlob: Handler<'blob.begin'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account } = actor!;
  const { blob, sizeBytes, quotaBytes } = body;
  const known = work.blobs.get(blob);
  if (known === undefined) {
    const used = work.blobUse.get(account) ?? 0;
    const limit = quotaOf(work, account, 'fileBytes') ?? quotaBytes;
    if (used + chargeOf(sizeBytes) > limit) return quotaExceeded('fileBytes', { limit, used, account });
    work.blobUse.put(account, used + chargeOf(sizeBytes));
  } else if (known.owner !== account) {
    return reject('blob_taken');
  } else if (known.sizeBytes !== sizeBytes) {
    return reject('invalid_field', 'This file has another size.');
  }
  const row = keepFor(
    work,
    blob,
    known ?? { owner: account, sizeBytes, stored: false, references: 0, expiresAt: null },
  );
  return accept<'blob.begin'>({ blob, stored: row.stored, expiresAt: row.expiresAt });
};

/** Said by the node that took the upload, for nobody in particular. */
export const storeBlob: Handler<'blob.stored'> = (work, { actor, body: { blob } }) => {
  if (actor !== null) return reject('forbidden');
  const known = work.blobs.get(blob);
  if (known === undefined) return reject('no_such_blob');
  const { expiresAt } = keepFor(work, blob, { ...known, stored: true });
  return accept<'blob.stored'>({ blob, expiresAt });
};

/** A message may refer only to what its sender has uploaded, and what is on a majority of the disks. */
export function checkBlobs(work: Work, account: AccountId, blobs: readonly BlobId[]): Rejection | undefined {
  const missing = blobs.filter((blob) => {
    const row = work.blobs.get(blob);
    return row === undefined || !row.stored || row.owner !== account;
  });
  return missing.length === 0 ? undefined : reject('blob_missing', undefined, { blobs: missing });
}

/** The message `seq` of `room` refers to these, which `checkBlobs` has passed. */
export function referToBlobs(work: Work, room: RoomId, seq: Seq, blobs: readonly BlobId[]): void {
  for (const blob of blobs) {
    const row = work.blobs.get(blob)!;
    if (row.expiresAt !== null) work.cancelExpiry(row.expiresAt, KEYS.blob(blob));
    work.blobs.put(blob, { ...row, references: row.references + 1, expiresAt: null });
    work.view.put(KEYS.blobReference(blob, room, seq), NOTHING);
  }
}

/** The message `seq` of `room`, which referred to these, is gone. What nothing refers to any more goes with it. */
export function releaseBlobs(work: Work, room: RoomId, seq: Seq, blobs: readonly BlobId[]): void {
  for (const blob of blobs) {
    const key = KEYS.blobReference(blob, room, seq);
    const row = work.blobs.get(blob);
    if (row === undefined || work.view.get(key) === undefined) continue;
    work.view.delete(key);
    if (row.references > 1) work.blobs.put(blob, { ...row, references: row.references - 1 });
    else remove(work, blob, row);
  }
}

/** @returns whether it is gone: its time has come, and no message refers to it */
export function expireBlob(work: Work, blob: BlobId): boolean {
  const row = work.blobs.get(blob);
  if (row === undefined || row.expiresAt === null || row.expiresAt > work.stampMs) return false;
  remove(work, blob, row);
  return true;
}

function remove(work: Work, blob: BlobId, { owner, sizeBytes }: BlobRow): void {
  work.blobs.delete(blob);
  const usedBytes = (work.blobUse.get(owner) ?? 0) - chargeOf(sizeBytes);
  if (usedBytes > 0) work.blobUse.put(owner, usedBytes);
  else work.blobUse.delete(owner);
  work.touchedBlobs.add(blob);
}

/** Puts the row; while nothing refers to it, its time begins anew. */
function keepFor(work: Work, blob: BlobId, row: BlobRow): BlobRow {
  const key = KEYS.blob(blob);
  if (row.expiresAt !== null) work.cancelExpiry(row.expiresAt, key);
  const expiresAt = row.references > 0 ? null : ((work.stampMs + LIMITS.blobUnreferencedTtlMs) as StampMs);
  if (expiresAt !== null) work.expireAt(expiresAt, key);
  const kept = { ...row, expiresAt };
  work.blobs.put(blob, kept);
  work.touchedBlobs.add(blob);
  return kept;
}

/** Small files cost a node more than their bytes. */
const chargeOf = (sizeBytes: number): number => Math.max(sizeBytes, LIMITS.blobChargeBytesMin);

const NOTHING = new Uint8Array(0);
