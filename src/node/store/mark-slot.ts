import { hash } from 'node:crypto';
import type { HardState, LogIndex, PeerId, Term } from '../../consensus/types.ts';
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
const MAGIC = 0x504d_4b32;
/** Of slots in files with two sides instead of three. */
const TWO_SIDED_MAGIC = 0x504d_4b31;
const HASH_AT = 64;
const DIGEST_AT = 96;
const USED_BYTES = 128;

/**
 *     magic u32, zero u32, generation u64, hard state: term u64, vote u64, commit u64,
 *     mark: ackTerm u64, index u64, term u64, chain hash (32 bytes), SHA-256 of all before
 */
export function encodeMarkSlot(slot: MarkSlot): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  writeU64(bytes, 8, slot.generation);
  writeU64(bytes, 16, slot.hardState.term);
  writeU64(bytes, 24, slot.hardState.vote);
  writeU64(bytes, 32, slot.hardState.commit);
  writeU64(bytes, 40, slot.mark.ackTerm);
  writeU64(bytes, 48, slot.mark.index);
  writeU64(bytes, 56, slot.mark.term);
  bytes.set(slot.mark.hash, HASH_AT);
  bytes.write(hash('sha256', bytes.subarray(0, DIGEST_AT), 'binary'), DIGEST_AT, 'latin1');
  return bytes;
}

/** Whether a slot was written by a program that knew of two sides only. */
export const isTwoSided = (bytes: Buffer): boolean =>
  bytes.length >= USED_BYTES && bytes.readUInt32BE(0) === TWO_SIDED_MAGIC;

/** Undefined when the bytes are not a whole slot. */
export function decodeMarkSlot(bytes: Buffer): MarkSlot | undefined {
  if (bytes.length < USED_BYTES || ![MAGIC, TWO_SIDED_MAGIC].includes(bytes.readUInt32BE(0))) return undefined;
  const digest = bytes.toString('latin1', DIGEST_AT, USED_BYTES);
  if (digest !== hash('sha256', bytes.subarray(0, DIGEST_AT), 'binary')) return undefined;
  return {
    generation: readU64(bytes, 8),
    hardState: {
      term: readU64(bytes, 16) as Term,
      vote: readU64(bytes, 24) as PeerId,
      commit: readU64(bytes, 32) as LogIndex,
    },
    mark: {
      ackTerm: readU64(bytes, 40) as Term,
      index: readU64(bytes, 48) as LogIndex,
      term: readU64(bytes, 56) as Term,
      hash: Uint8Array.from(bytes.subarray(HASH_AT, DIGEST_AT)),
    },
  };
}

/** The one that counts: the greatest acknowledged term, then the later write. */
export function newerSlot(a: MarkSlot | undefined, b: MarkSlot | undefined): MarkSlot | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.mark.ackTerm !== b.mark.ackTerm) return a.mark.ackTerm > b.mark.ackTerm ? a : b;
  return a.generation > b.generation ? a : b;
}
