import { randomBytes } from 'node:crypto';
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import {
  FILE_CHUNK_BYTES,
  fileChunkCount,
  nobleFileCipher,
  openFileChunk,
  sealedFileBytes,
  sealFileChunk,
} from './file-cipher.ts';
import { nodeFileCipher } from './node-file-cipher.ts';
import { BLOB_CHUNK_BYTES } from '../protocol/blobs.ts';

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));

describe.each([
  ['noble', nobleFileCipher],
  ['node', nodeFileCipher],
])('%s', (_name, provider) => {
  it('seals as draft-irtf-cfrg-xchacha-03, appendix A.3.1, says', () => {
    const key = hexToBytes('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
    const nonce = hexToBytes('404142434445464748494a4b4c4d4e4f5051525354555657');
    const associated = hexToBytes('50515253c0c1c2c3c4c5c6c7');
    const plaintext = utf8ToBytes(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const sealed = provider.seal(key, nonce, plaintext, associated);
    expect(hex(sealed)).toBe(
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216' +
        'cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b5' +
        '2ec0875924c1c7987947deafd8780acf49',
    );
    expect(hex(provider.open(key, nonce, sealed, associated))).toBe(hex(plaintext));
    expect(provider.open(key, nonce, sealed, associated.subarray(1))).toBeNull();
  });

  it('opens what the other sealed, in its place and nowhere else', () => {
    const other = provider === nodeFileCipher ? nobleFileCipher : nodeFileCipher;
    const key = randomBytes(32);
    for (const size of [0, 1, 63, 64, 65, 5_000, FILE_CHUNK_BYTES]) {
      const plaintext = randomBytes(size);
      const sealed = sealFileChunk(other, key, { index: 7, isLast: false }, plaintext);
      expect(sealed.length).toBe(size + 16);
      expect(hex(openFileChunk(provider, key, { index: 7, isLast: false }, sealed))).toBe(hex(plaintext));
      expect(openFileChunk(provider, key, { index: 7, isLast: true }, sealed)).toBeNull();
      expect(openFileChunk(provider, key, { index: 8, isLast: false }, sealed)).toBeNull();
      expect(openFileChunk(provider, key, { index: 7 + 2 ** 24, isLast: false }, sealed)).toBeNull();
      expect(openFileChunk(provider, randomBytes(32), { index: 7, isLast: false }, sealed)).toBeNull();
      const flipped = Uint8Array.from(sealed);
      flipped[size >> 1]! ^= 1;
      expect(openFileChunk(provider, key, { index: 7, isLast: false }, flipped)).toBeNull();
      expect(openFileChunk(provider, key, { index: 7, isLast: false }, sealed.subarray(1))).toBeNull();
    }
    expect(openFileChunk(provider, key, { index: 0, isLast: true }, new Uint8Array(15))).toBeNull();
  });

  it('hashes piece by piece', () => {
    const hash = provider.sha256();
    hash.update(utf8ToBytes('a'));
    hash.update(utf8ToBytes('bc'));
    expect(hex(hash.digest())).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

it('says how long a sealed file is', () => {
  expect([0, 1, FILE_CHUNK_BYTES, FILE_CHUNK_BYTES + 1].map(fileChunkCount)).toEqual([1, 1, 1, 2]);
  expect(sealedFileBytes(0)).toBe(16);
  expect(sealedFileBytes(FILE_CHUNK_BYTES)).toBe(BLOB_CHUNK_BYTES);
  expect(sealedFileBytes(FILE_CHUNK_BYTES + 1)).toBe(BLOB_CHUNK_BYTES + 17);
});
