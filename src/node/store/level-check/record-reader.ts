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

/**
 * Every record of a file that is whole, also behind broken ones. A record is lost when one of its pieces is; where the
 * length of a broken piece cannot be right, the rest of its block is lost, too.
 */
export function* soundRecords(file: Buffer): Generator<Buffer> {
  let pieces: Buffer[] | undefined;
  for (let at = 0; at + HEAD_BYTES <= file.length;) {
    const blockEnd = at - (at % BLOCK_BYTES) + BLOCK_BYTES;
    if (blockEnd - at < HEAD_BYTES) {
      at = blockEnd;
      continue;
    }
    const next = at + HEAD_BYTES + file.readUInt16LE(at + 4);
    const type = file[at + 6]!;
    if (next > file.length || problemAt(file, at, next, blockEnd) !== undefined) {
      pieces = undefined;
      at = next <= file.length && isSoundAt(file, next, blockEnd) ? next : blockEnd;
      continue;
    }
    if (type === TYPE_FULL || type === TYPE_FIRST) pieces = [];
    pieces?.push(file.subarray(at + HEAD_BYTES, next));
    at = next;
    if (pieces !== undefined && (type === TYPE_FULL || type === TYPE_LAST)) {
      yield Buffer.concat(pieces);
      pieces = undefined;
    }
  }
}

function isSoundAt(file: Buffer, at: number, blockEnd: number): boolean {
  if (at + HEAD_BYTES > Math.min(blockEnd, file.length)) return false;
  const next = at + HEAD_BYTES + file.readUInt16LE(at + 4);
  return next <= file.length && problemAt(file, at, next, blockEnd) === undefined;
}
