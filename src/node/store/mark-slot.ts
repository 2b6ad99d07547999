import type { HardState, LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { SEAL_BYTES, type RowSeal } from '../at-rest/row-seal.ts';
import { readU64, writeU64 } from './chain-hash.ts';
import type { Mark } from './node-store.ts';

/** What a slot of the mark file holds: a copy of the hard state, and the mark. */
export interface MarkContent {
  readonly hardState: HardState;
  readonly mark: Mark;
}

export interface MarkSlot extends MarkContent {
  /** Grows with every write. */
  readonly generation: number;
}

/** Each slot has a sector, and a page, of its own: a torn write of one cannot touch the other. */
export const SLOT_BYTES = 4096;
const MAGIC = 0x504d_4b33;
const HEAD_BYTES = 8;
const HASH_AT = 56;
const CONTENT_BYTES = 88;
const USED_BYTES = HEAD_BYTES + CONTENT_BYTES + SEAL_BYTES;
const NAME = 'mark';

/**
 *     magic u32, zero u32, and, sealed: generation u64, hard state: term u64, vote u64, commit u64,
 *     mark: ackTerm u64, index u64, term u64, chain hash (32 bytes)
 *
 * Sealed because chain hashes of entries with guessable content confirm a guess.
 */
export function encodeMarkSlot(slot: MarkSlot, seal: RowSeal): Buffer {
  const content = Buffer.alloc(CONTENT_BYTES);
  writeU64(content, 0, slot.generation);
  writeU64(content, 8, slot.hardState.term);
  writeU64(content, 16, slot.hardState.vote);
  writeU64(content, 24, slot.hardState.commit);
  writeU64(content, 32, slot.mark.ackTerm);
  writeU64(content, 40, slot.mark.index);
  writeU64(content, 48, slot.mark.term);
  content.set(slot.mark.hash, HASH_AT);
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.set(seal.seal(NAME, content), HEAD_BYTES);
  return bytes;
}

/** Undefined when the bytes are not a whole slot. */
export function decodeMarkSlot(bytes: Buffer, seal: RowSeal): MarkSlot | undefined {
  if (bytes.length < USED_BYTES || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== 0) return undefined;
  const content = seal.open(NAME, bytes.subarray(HEAD_BYTES, USED_BYTES));
  if (content?.length !== CONTENT_BYTES) return undefined;
  return {
    generation: readU64(content, 0),
    hardState: {
      term: readU64(content, 8) as Term,
      vote: readU64(content, 16) as PeerId,
      commit: readU64(content, 24) as LogIndex,
    },
    mark: {
      ackTerm: readU64(content, 32) as Term,
      index: readU64(content, 40) as LogIndex,
      term: readU64(content, 48) as Term,
      hash: Uint8Array.from(content.subarray(HASH_AT)),
    },
  };
}

/** The same without what may stand behind it. */
export const sealedSlot = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, USED_BYTES), Buffer.alloc(SLOT_BYTES - USED_BYTES)]);

/** The one that counts: the greatest acknowledged term, then the later write. */
export function newerSlot(a: MarkSlot | undefined, b: MarkSlot | undefined): MarkSlot | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.mark.ackTerm !== b.mark.ackTerm) return a.mark.ackTerm > b.mark.ackTerm ? a : b;
  return a.generation > b.generation ? a : b;
}
