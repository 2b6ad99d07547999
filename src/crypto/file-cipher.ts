import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { BLOB_CHUNK_BYTES } from '../protocol/blobs.ts';
import { labelled } from '../protocol/labelled.ts';
import { assertLength } from './bytes.ts';

/**
 * Files are encrypted in chunks (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that a
 * file of any size takes little memory, and every chunk that was opened is known to be genuine and in its place.
 *
 * Each file has a random key of its own, used for nothing else. A chunk is sealed by XChaCha20-Poly1305 under a nonce
 * that says which one it is: 19 zero bytes, its number (four bytes, big-endian), and 1 for the last, else 0. Chunks
 * that are left out, repeated, moved, taken from another file, or cut off at the end do not open.
 */

const TAG_BYTES = 16;
const NONCE_BYTES = 24;
const COUNTER_OFFSET = 19;
const LAST_OFFSET = 23;
export const FILE_KEY_BYTES = 32;
/** Of the plaintext: sealed, a chunk is just one of the blob's. */
export const FILE_CHUNK_BYTES = BLOB_CHUNK_BYTES - TAG_BYTES;

/** A hash of what is given piece by piece. */
export interface HashStream {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** Every provider gives the same results (tested). */
export interface FileCipherProvider {
  /** XChaCha20-Poly1305: ciphertext and tag. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Null for what `seal` did not make. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | null;
  sha256(): HashStream;
}

export const nobleFileCipher: FileCipherProvider = {
  seal: (key, nonce, plaintext, associated) => xchacha20poly1305(key, nonce, associated).encrypt(plaintext),
  open(key, nonce, sealed, associated) {
    try {
      return xchacha20poly1305(key, nonce, associated).decrypt(sealed);
    } catch {
      return null;
    }
  },
  sha256: () => sha256.create(),
};

/** Which chunk of its file it is. */
export interface ChunkPlace {
  readonly index: number;
  readonly isLast: boolean;
}

/** @param plaintext `FILE_CHUNK_BYTES`; the last chunk may have less, and is empty only in an empty file */
export function sealFileChunk(
  provider: FileCipherProvider,
  key: Uint8Array,
  place: ChunkPlace,
  plaintext: Uint8Array,
): Uint8Array {
  return provider.seal(key, nonceOf(key, place), plaintext, ASSOCIATED);
}

/** @returns null for anything but this chunk of the file with this key */
export function openFileChunk(
  provider: FileCipherProvider,
  key: Uint8Array,
  place: ChunkPlace,
  sealed: Uint8Array,
): Uint8Array | null {
  return sealed.length < TAG_BYTES ? null : provider.open(key, nonceOf(key, place), sealed, ASSOCIATED);
}

/** How many chunks a file has; an empty one has one. */
export function fileChunkCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / FILE_CHUNK_BYTES));
}

/** How long the blob of a file is. */
export function sealedFileBytes(sizeBytes: number): number {
  return sizeBytes + fileChunkCount(sizeBytes) * TAG_BYTES;
}

const ASSOCIATED = labelled('file-chunk');

function nonceOf(key: Uint8Array, { index, isLast }: ChunkPlace): Uint8Array {
  assertLength(key, FILE_KEY_BYTES, 'The key of a file');
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setUint32(COUNTER_OFFSET, index);
  nonce[LAST_OFFSET] = isLast ? 1 : 0;
  return nonce;
}
