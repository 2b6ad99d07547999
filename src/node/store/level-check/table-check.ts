import { findMaskedCrc32c, maskedCrc32c } from './crc32c.ts';
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
  const { meta, index, padding } = readFooter(file);
  if (padding.some((byte) => byte !== 0)) throw new MalformedError('its end is broken');
  for (const block of [meta, index]) {
    checkBlock(file, block);
    for (const inner of placesIn(file, block)) checkBlock(file, inner);
  }
}

interface Footer {
  /** The index of the other blocks. */
  readonly meta: BlockPlace;
  /** The index of the data blocks. */
  readonly index: BlockPlace;
  /** Zeros. */
  readonly padding: Buffer;
}

function readFooter(file: Buffer): Footer {
  if (file.length < FOOTER_BYTES) throw new MalformedError('it is too short');
  if (file.readBigUInt64LE(file.length - 8) !== MAGIC) throw new MalformedError('its end is broken');
  const reader = new ByteReader(file, file.length - FOOTER_BYTES, file.length - 8);
  return { meta: readPlace(reader), index: readPlace(reader), padding: reader.rest() };
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

/** The places that an index block lists. */
function placesIn(file: Buffer, place: BlockPlace): BlockPlace[] {
  return [...entriesIn(file, place)].map(({ value }) => readPlace(new ByteReader(value)));
}

export interface BlockEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What a block holds: entries of `shared, unshared, value length, key, value`, then restarts. */
function* entriesIn(file: Buffer, { offset, bytes }: BlockPlace): Generator<BlockEntry> {
  const end = offset + bytes;
  if (file[end] !== 0) throw new MalformedError('a block is compressed');
  const restarts = file.readUInt32LE(end - 4);
  const entriesEnd = end - 4 - 4 * restarts;
  if (entriesEnd < offset) throw new MalformedError('a block is malformed');
  const reader = new ByteReader(file, offset, entriesEnd);
  let key = Buffer.alloc(0);
  while (!reader.done) {
    const shared = reader.varint();
    const unshared = reader.varint();
    const valueBytes = reader.varint();
    if (shared > key.length) throw new MalformedError('a block is malformed');
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(unshared)]);
    yield { key, value: reader.bytes(valueBytes) };
  }
}

/** Everything in the data blocks of a table that hold their checksum, whatever else of it is broken. */
export function* soundEntries(file: Buffer): Generator<BlockEntry> {
  for (const place of dataBlocks(file)) yield* soundEntriesIn(file, place);
}

function soundEntriesIn(file: Buffer, place: BlockPlace): BlockEntry[] {
  try {
    checkBlock(file, place);
    return [...entriesIn(file, place)];
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) return [];
    throw error;
  }
}

/** As the index says; where that is broken, as they follow each other from the beginning, up to a broken one. */
function dataBlocks(file: Buffer): BlockPlace[] {
  try {
    const { index } = readFooter(file);
    checkBlock(file, index);
    return placesIn(file, index);
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) return blocksInARow(file);
    throw error;
  }
}

function blocksInARow(file: Buffer): BlockPlace[] {
  const places: BlockPlace[] = [];
  for (let offset = 0; ;) {
    const end = findMaskedCrc32c(file, offset, file.length);
    if (end === undefined) return places;
    places.push({ offset, bytes: end - 1 - offset });
    offset = end + TRAILER_BYTES - 1;
  }
}
