import { MalformedError } from './byte-reader.ts';
import { maskedCrc32c } from './crc32c.ts';

/** Record files as LevelDB's `doc/log_format.md` describes them: blocks of 32 KiB that hold pieces of records. */
const BLOCK_BYTES = 32 * 1024;
const HEAD_BYTES = 7;
const TYPE_FULL = 1;
const TYPE_FIRST = 2;
const TYPE_LAST = 4;

export interface ScannedRecords {
  /** The whole records before the first broken one. */
  readonly records: readonly Buffer[];
  /** Where the last of them ends. */
  readonly end: number;
  /** Why the next one is broken; undefined when the file ends, maybe in the middle of one that was being written. */
  readonly problem: string | undefined;
}

export function scanRecords(file: Buffer): ScannedRecords {
  const records: Buffer[] = [];
  let pieces: Buffer[] = [];
  let end = 0;
  let at = 0;
  let problem: string | undefined;
  while (at + HEAD_BYTES <= file.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEAD_BYTES) {
      at += left;
      continue;
    }
    const next = at + HEAD_BYTES + file.readUInt16LE(at + 4);
    problem = problemAt(file, at, next, at + left);
    if (problem !== undefined || next > file.length) break;
    const type = file[at + 6]!;
    if (type === TYPE_FULL || type === TYPE_FIRST) pieces = [];
    pieces.push(file.subarray(at + HEAD_BYTES, next));
    at = next;
    if (type === TYPE_FULL || type === TYPE_LAST) {
      records.push(Buffer.concat(pieces));
      end = at;
    }
  }
  return { records, end, problem };
}

function problemAt(file: Buffer, at: number, next: number, blockEnd: number): string | undefined {
  if (next > blockEnd) return `the record at byte ${at} has a wrong length`;
  if (next > file.length) return undefined;
  if (file.readUInt32LE(at) === maskedCrc32c(file, at + 6, next)) return undefined;
  return `the checksum of the record at byte ${at} does not match`;
}

/**
 * All whole records of a file. One that is cut off by the end of the file was being written and is left out; so are
 * zeros up to the end, which a file system may leave where the power went before content reached the disk. LevelDB
 * takes both in the same way.
 *
 * @throws MalformedError when a checksum does not match
 */
export function readRecords(file: Buffer): readonly Buffer[] {
  const { records, end, problem } = scanRecords(file);
  if (problem !== undefined && file.subarray(end).some((byte) => byte !== 0)) throw new MalformedError(problem);
  return records;
}
