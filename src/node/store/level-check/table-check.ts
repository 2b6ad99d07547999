import { maskedCrc32c } from './crc32c.ts';
import { ByteReader, MalformedError } from './byte-reader.ts';

/**
 * Table files as LevelDB's `doc/table_format.md` describes them: data blocks, a filter block, an index of the other
 * blocks, the index of the data blocks, and a footer that says where those two are. Each block carries a checksum
 * behind it, which LevelDB does not look at when it reads.
 */
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** Compression type and checksum. */
const TRAILER_BYTES = 5;

interface BlockPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** @returns why the table is damaged, or undefined when all its checksums hold */
export function checkTable(file: Buffer): string | undefined {
  try {
    checkBlocks(file);
    return undefined;
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) return error.message;
    throw error;
  }
}

function checkBlocks(file: Buffer): void {
  if (file.length < FOOTER_BYTES) throw new MalformedError('it is too short');
  const footer = file.length - FOOTER_BYTES;
  if (file.readBigUInt64LE(file.length - 8) !== MAGIC) throw new MalformedError('its end is broken');
  const reader = new ByteReader(file, footer, file.length - 8);
  const meta = readPlace(reader);
  const index = readPlace(reader);
  for (const block of [meta, index]) {
    checkBlock(file, block);
    for (const inner of placesIn(file, block)) checkBlock(file, inner);
  }
}

function readPlace(reader: ByteReader): BlockPlace {
  return { offset: reader.varint(), bytes: reader.varint() };
}

function checkBlock(file: Buffer, { offset, bytes }: BlockPlace): void {
  const end = offset + bytes + 1;
  if (end + TRAILER_BYTES - 1 > file.length - FOOTER_BYTES) throw new MalformedError('a block lies outside of it');
  if (file.readUInt32LE(end) !== maskedCrc32c(file, offset, end)) {
    throw new MalformedError(`the checksum of the block at byte ${offset} does not match`);
  }
}

/** The places that an index block lists: entries of `shared, unshared, value length, key, value`, then restarts. */
function placesIn(file: Buffer, { offset, bytes }: BlockPlace): BlockPlace[] {
  const end = offset + bytes;
  if (file[end] !== 0) throw new MalformedError('an index is compressed');
  const restarts = file.readUInt32LE(end - 4);
  const entriesEnd = end - 4 - 4 * restarts;
  if (entriesEnd < offset) throw new MalformedError('an index is malformed');
  const reader = new ByteReader(file, offset, entriesEnd);
  const places: BlockPlace[] = [];
  while (!reader.done) {
    reader.varint();
    const keyBytes = reader.varint();
    reader.varint();
    reader.skip(keyBytes);
    places.push(readPlace(reader));
  }
  return places;
}
