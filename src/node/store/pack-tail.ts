import type { LogIndex } from '../../consensus/types.ts';
import { packRecord, packedBytes } from './log-record.ts';
import type { LogTail } from './log-tail.ts';
import type { RecordPlace } from './record-index.ts';

export interface PackedPlace {
  readonly place: RecordPlace;
  readonly bytes: Uint8Array;
}

/**
 * Packs the entries of `tail` from `from` to its end into records of at most `bytesMax`, or of one entry that is
 * larger. The tail learns the hashes that are computed on the way.
 */
export function packTail(tail: LogTail, from: LogIndex, bytesMax: number): PackedPlace[] {
  const packed: PackedPlace[] = [];
  for (let first = from; first < tail.next;) {
    const entries = tail.slice(first, endOfRecord(tail, first, bytesMax));
    const { bytes, hashes } = packRecord(tail.hashAt((first - 1) as LogIndex), entries);
    tail.setHashes(first, hashes);
    const last = (first + entries.length - 1) as LogIndex;
    packed.push({ place: { first, last, hash: hashes.at(-1)! }, bytes });
    first = (last + 1) as LogIndex;
  }
  return packed;
}

function endOfRecord(tail: LogTail, first: LogIndex, bytesMax: number): LogIndex {
  let bytes = 0;
  let at = first;
  while (at < tail.next) {
    bytes += packedBytes(tail.at(at));
    if (bytes > bytesMax && at > first) break;
    at = (at + 1) as LogIndex;
  }
  return at;
}
