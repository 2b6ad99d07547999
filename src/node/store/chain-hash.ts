import { hash } from 'node:crypto';
import { EntryType, type Entry } from '../../consensus/types.ts';

/**
 * Every entry is bound to all entries before it:
 * `SHA-256(hash before ‖ term u64 ‖ index u64 ‖ type u8 ‖ data)`, numbers big-endian. The position before the first
 * entry has a hash of zeros. Two logs with the same hash at an index are the same up to there.
 *
 * Hashes are passed around inside the store as strings of 32 characters, one per byte: half the cost and a quarter
 * of the memory of a buffer each.
 */
export type ChainHash = string;

export const CHAIN_HASH_BYTES = 32;
export const CHAIN_START: ChainHash = '\0'.repeat(CHAIN_HASH_BYTES);

/** Bytes of `term ‖ index ‖ type`. */
export const ENTRY_HEAD_BYTES = 17;

const TYPE_CODES: Readonly<Record<EntryType, number>> = {
  [EntryType.normal]: 0,
  [EntryType.confChange]: 1,
  [EntryType.confChangeV2]: 2,
};
const TYPES = [EntryType.normal, EntryType.confChange, EntryType.confChangeV2] as const;

export function writeEntryHead(target: Buffer, offset: number, entry: Entry): void {
  writeU64(target, offset, entry.term);
  writeU64(target, offset + 8, entry.index);
  target[offset + 16] = TYPE_CODES[entry.type];
}

export function entryTypeOf(code: number | undefined): EntryType | undefined {
  return code === undefined ? undefined : TYPES[code];
}

/** Hashes what stands in `bytes`: a hash, an entry head and data, without a gap. */
export function hashLink(bytes: Uint8Array): ChainHash {
  return hash('sha256', bytes, 'binary');
}

export function chainHashOf(before: ChainHash, entry: Entry): ChainHash {
  const link = Buffer.allocUnsafe(CHAIN_HASH_BYTES + ENTRY_HEAD_BYTES + entry.data.length);
  link.write(before, 0, 'latin1');
  writeEntryHead(link, CHAIN_HASH_BYTES, entry);
  link.set(entry.data, CHAIN_HASH_BYTES + ENTRY_HEAD_BYTES);
  return hashLink(link);
}

export function chainHashBytes(chainHash: ChainHash): Uint8Array {
  return Uint8Array.from(Buffer.from(chainHash, 'latin1'));
}

export function chainHashFrom(bytes: Uint8Array): ChainHash {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const U32 = 2 ** 32;

export function writeU64(target: Buffer, offset: number, value: number): void {
  target.writeUInt32BE(Math.floor(value / U32), offset);
  target.writeUInt32BE(value % U32, offset + 4);
}

/** May return a number that is no safe integer: callers check what they read. */
export function readU64(source: Buffer, offset: number): number {
  return source.readUInt32BE(offset) * U32 + source.readUInt32BE(offset + 4);
}
