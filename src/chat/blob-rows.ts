import { pack, unpack } from './pack.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export interface BlobRow {
  /** Who uploads it, and is charged for it. */
  readonly owner: AccountId;
  readonly sizeBytes: number;
  /** A majority of the voters have it on their disks. */
  readonly stored: boolean;
  /** How many messages refer to it. */
  readonly references: number;
  /** When it ends; null while a message refers to it. */
  readonly expiresAt: StampMs | null;
}

export const blobCodec: RowCodec<BlobRow> = {
  encode: (row) => pack([V1, row.owner, row.sizeBytes, row.stored, row.references, row.expiresAt]),
  decode: (bytes) => {
    const [, owner, sizeBytes, stored, references, expiresAt] = unpack(bytes) as [
      number,
      AccountId,
      number,
      boolean,
      number,
      StampMs | null,
    ];
    return { owner, sizeBytes, stored, references, expiresAt };
  },
};

/** Bytes that the files of an account take. */
export const blobUseCodec: RowCodec<number> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, number])[1],
};
