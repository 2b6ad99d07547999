import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * The one way this project lays out bytes that are hashed, signed or authenticated: the label
 * `parley/v1/<purpose>`, then each part, every one preceded by its length as four bytes, big-endian.
 * Two different lists of parts never give the same bytes, and no purpose's bytes can serve another.
 */
export function labelled(purpose: string, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const part of [`parley/v1/${purpose}`, ...parts]) {
    const bytes = typeof part === 'string' ? utf8ToBytes(part) : part;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    chunks.push(length, bytes);
  }
  return concatBytes(...chunks);
}
