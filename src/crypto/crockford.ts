/** Crockford's base32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS = 5;
const GROUP = /.{1,4}/g;

/** @param bytes whose bits fill characters exactly, e.g. 10 or 35 bytes. @returns groups of four, with dashes */
export function toCrockford(bytes: Uint8Array): string {
  let bits = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  let text = '';
  for (let i = 0; i < (bytes.length * 8) / BITS; i++, bits >>= 5n) text = ALPHABET[Number(bits & 31n)]! + text;
  return text.match(GROUP)!.join('-');
}

/**
 * Reads what people type: any case, with or without dashes or spaces, I and L for 1, O for 0.
 * @returns null for anything that is not exactly so many bytes
 */
export function fromCrockford(typed: string, length: number): Uint8Array | null {
  const plain = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll(/[IL]/g, '1').replaceAll('O', '0');
  if (plain.length * BITS !== length * 8) return null;
  let bits = 0n;
  for (const character of plain) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    bits = (bits << 5n) | BigInt(value);
  }
  const bytes = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--, bits >>= 8n) bytes[i] = Number(bits & 255n);
  return bytes;
}
