import { maskedCrc32c } from './crc32c.ts';
import { MalformedError } from './byte-reader.ts';

/** Record files as LevelDB's `doc/log_format.md` describes them: blocks of 32 KiB that hold pieces of records. */
const BLOCK_BYTES = 32 * 1024;
const HEAD_BYTES = 7;
const TYPE_FULL = 1;
const TYPE_FIRST = 2;
const TYPE_LAST = 4;

/**
 * All whole records of a file. One that is cut off by the end of the file was being written and is left out.
 *
 * @throws MalformedError when a checksum does not match
 */
export function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let pieces: Buffer[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= file.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEAD_BYTES) {
      at += left;
      continue;
    }
    const end = at + HEAD_BYTES + file.readUInt16LE(at + 4);
    if (end > file.length) break;
    if (end > at + left) throw new MalformedError(`the record at byte ${at} has a wrong length`);
    if (file.readUInt32LE(at) !== maskedCrc32c(file, at + 6, end)) {
      throw new MalformedError(`the checksum of the record at byte ${at} does not match`);
    }
    const type = file[at + 6]!;
    if (type === TYPE_FULL || type === TYPE_FIRST) pieces = [];
    pieces.push(file.subarray(at + HEAD_BYTES, end));
    if (type === TYPE_FULL || type === TYPE_LAST) records.push(Buffer.concat(pieces));
    at = end;
  }
  return records;
}
