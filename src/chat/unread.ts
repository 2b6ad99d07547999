import type { RoomId, Seq } from '../protocol/ids.ts';
import type { MessageBitsRow } from './room-rows.ts';
import type { Work } from './work.ts';

/**
 * Which seqs of a room hold messages: one row for each block of seqs, a bit for each seq. A bit is set when a message
 * is sent and cleared when it is gone, so that unread messages are counted exactly, without reading any.
 */
export const SEQS_PER_BLOCK = 1_024;
const BYTES_PER_BLOCK = SEQS_PER_BLOCK / 8;

export const blockOf = (seq: number): number => Math.floor(seq / SEQS_PER_BLOCK);

export function setMessageBit(work: Work, room: RoomId, seq: Seq, isMessage: boolean): void {
  const key = [room, blockOf(seq)] as const;
  const bits = work.messageBits.get(key);
  const changed = bits === undefined ? new Uint8Array(BYTES_PER_BLOCK) : Uint8Array.from(bits);
  const place = seq % SEQS_PER_BLOCK;
  const mask = 1 << (place & 7);
  if (isMessage) changed[place >> 3]! |= mask;
  else changed[place >> 3]! &= ~mask;
  work.messageBits.put(key, changed);
}

/** How many messages of one block have a seq of at least `from`. */
export function countFrom(bits: MessageBitsRow, block: number, from: number): number {
  const first = Math.max(0, from - block * SEQS_PER_BLOCK);
  if (first >= SEQS_PER_BLOCK) return 0;
  let count = onesIn(bits[first >> 3]! >> (first & 7));
  for (let i = (first >> 3) + 1; i < bits.length; i++) count += onesIn(bits[i]!);
  return count;
}

function onesIn(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
