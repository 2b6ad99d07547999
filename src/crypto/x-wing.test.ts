import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex as hex, hexToBytes as bytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { mlsProviders } from '../testing/mls/providers.ts';
import { X_WING_VECTORS } from '../testing/vectors/x-wing.ts';
import { nodeRandom } from './node-random.ts';
import { ML_KEM_KEY_BYTES } from './x-wing-key.ts';
import { xWing } from './x-wing.ts';

describe.each(mlsProviders)('X-Wing with the primitives of $provider', ({ primitives }) => {
  const kem = xWing(primitives.mlKem768, primitives.x25519);

  it.each(X_WING_VECTORS)('gives what the draft gives: $seed', (vector) => {
    const receiver = kem.keyPairOf(bytes(vector.seed));
    expect(hex(receiver.secretKey)).toBe(vector.sk);
    expect(hex(sha256(receiver.publicKey))).toBe(vector.pkSha256);
    expect(kem.isUsableKey(receiver.publicKey)).toBe(true);
    const { encapsulated, sharedSecret } = kem.encapsulate(receiver.publicKey, bytes(vector.eseed))!;
    expect(hex(sha256(encapsulated))).toBe(vector.ctSha256);
    expect(hex(sharedSecret)).toBe(vector.ss);
    expect(hex(kem.decapsulate(receiver, encapsulated)!)).toBe(vector.ss);
  });

  it('takes a secret from each half: who has only one of them gets another result', () => {
    const receiver = kem.keyPairOf(nodeRandom(32));
    const { encapsulated, sharedSecret } = kem.encapsulate(receiver.publicKey, nodeRandom(64))!;
    for (const at of [0, 700, encapsulated.length - 32]) {
      const altered = Uint8Array.from(encapsulated);
      altered[at]! ^= 1;
      const opened = kem.decapsulate(receiver, altered);
      expect(opened).not.toBeNull();
      expect(opened).not.toEqual(sharedSecret);
    }
    const other = kem.keyPairOf(nodeRandom(32));
    expect(kem.decapsulate(other, encapsulated)).not.toEqual(sharedSecret);
  });

  it('knows a key by its modulus check (FIPS 203 section 7.2)', () => {
    const { publicKey } = kem.keyPairOf(nodeRandom(32));
    for (const [at, values] of [
      [0, [0xff, 0x0f]], // the first coefficient, 4095
      [1, [0xf0, 0xff]], // the second
      [0, [0x01, 0x0d]], // 3329, the least that is too large
      [1_150, [0xf0, 0xff]], // the last
    ] as const) {
      const altered = Uint8Array.from(publicKey);
      if (at === 0) altered[1] = (altered[1]! & 0xf0) | values[1];
      else altered.set(values, at);
      altered[at] = values[0];
      expect(kem.isUsableKey(altered)).toBe(false);
      expect(kem.encapsulate(altered, nodeRandom(64))).toBeNull();
      expect(() => primitives.mlKem768.encapsulate(altered.subarray(0, ML_KEM_KEY_BYTES), nodeRandom(32))).toThrow(
        'modulus',
      );
    }
    const largest = Uint8Array.from(publicKey);
    largest.set([0x00, 0x0d, 0xd0], 0); // 3328 and 3328
    expect(kem.isUsableKey(largest)).toBe(true);
    expect(kem.encapsulate(largest, nodeRandom(64))).not.toBeNull();
  });

  it('does not work with secrets or randomness of another length', () => {
    expect(() => kem.keyPairOf(new Uint8Array(31))).toThrow('32 bytes');
    expect(() => kem.encapsulate(kem.keyPairOf(nodeRandom(32)).publicKey, new Uint8Array(32))).toThrow('64 bytes');
  });
});
