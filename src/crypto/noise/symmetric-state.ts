import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { HASH_BYTES } from '../hkdf.ts';
import { CipherState } from './cipher-state.ts';
import type { NoiseSuite } from './noise-suite.ts';

const EMPTY = new Uint8Array(0);

/** The chaining key and the hash of all that was said in a handshake (Noise §5.2). */
export class SymmetricState {
  readonly #suite: NoiseSuite;
  #cipher: CipherState;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  /** InitializeSymmetric. */
  constructor(suite: NoiseSuite, protocolName: string) {
    const name = utf8ToBytes(protocolName);
    this.#suite = suite;
    this.#hash = name.length <= HASH_BYTES ? padded(name) : suite.hkdf.hash(name);
    this.#chainingKey = this.#hash;
    this.#cipher = new CipherState(suite, null);
  }

  /** GetHandshakeHash: what binds other things to this handshake (§11.2). */
  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  mixKey(inputKeyMaterial: Uint8Array): void {
    const [chainingKey, key] = this.#derive(inputKeyMaterial);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(this.#suite, key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.hkdf.hash(concatBytes(this.#hash, data));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Null for what does not verify. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | null {
    const plaintext = this.#cipher.decryptWithAd(this.#hash, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** The initiator sends with the first, the responder with the second. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(EMPTY);
    return [new CipherState(this.#suite, first), new CipherState(this.#suite, second)];
  }

  /** A further secret of both sides, independent of the keys of `split` by its label, which must not be empty. */
  exportSecret(label: string): Uint8Array {
    if (label === '') throw new Error('An exported secret needs a label.');
    return this.#derive(concatBytes(utf8ToBytes(label), this.#hash))[0];
  }

  /** HKDF with two outputs (§4.3), which is that of RFC 5869 without info. */
  #derive(inputKeyMaterial: Uint8Array): [Uint8Array, Uint8Array] {
    const { hkdf } = this.#suite;
    const output = hkdf.expand(hkdf.extract(this.#chainingKey, inputKeyMaterial), EMPTY, 2 * HASH_BYTES);
    return [output.slice(0, HASH_BYTES), output.slice(HASH_BYTES)];
  }
}

function padded(name: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HASH_BYTES);
  bytes.set(name);
  return bytes;
}
