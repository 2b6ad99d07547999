/** CRC-32C (Castagnoli), reflected, as LevelDB uses it: RFC 3720, appendix B.4. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** Table `k` advances a byte by `k` further zero bytes, so that eight bytes are looked up at once. */
const TABLES = buildTables();

function buildTables(): Int32Array[] {
  const tables = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[0]![byte] = crc;
  }
  for (let slice = 1; slice < SLICES; slice += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const before = tables[slice - 1]![byte]!;
      tables[slice]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** Of `bytes` from `start` and before `end`, as an unsigned number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      T7[crc & 0xff]! ^
      T6[(crc >>> 8) & 0xff]! ^
      T5[(crc >>> 16) & 0xff]! ^
      T4[crc >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!;
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

/** LevelDB stores checksums rotated and shifted, because data may contain checksums itself. */
export function maskedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  return masked(crc32c(bytes, start, end));
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Looks for the first `end` at which the masked checksum of all since `start` stands, as four bytes, little-endian. */
export function findMaskedCrc32c(bytes: Buffer, start: number, last: number): number | undefined {
  let crc = -1;
  for (let end = start; end + 4 <= last; end += 1) {
    if (end > start && bytes.readUInt32LE(end) === masked(~crc >>> 0)) return end;
    crc = (crc >>> 8) ^ T0[(crc ^ bytes[end]!) & 0xff]!;
  }
  return undefined;
}
