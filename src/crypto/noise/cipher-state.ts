import { AEAD_NONCE_BYTES } from '../aead.ts';
import type { NoiseSuite } from './noise-suite.ts';

/**
 * A key and the number of the next message under it (Noise §5.1). Without a key it passes everything through, as the
 * first tokens of a handshake need it.
 */
export class CipherState {
  readonly #suite: NoiseSuite;
  readonly #key: Uint8Array | null;
  #nonce = 0;

  constructor(suite: NoiseSuite, key: Uint8Array | null) {
    this.#suite = suite;
    this.#key = key;
  }

  /** For whoever encrypts by itself and sends each message's number along (§11.4). */
  get key(): Uint8Array | null {
    return this.#key;
  }

  /** §11.4: where messages may be lost or come out of order, each one carries its number. */
  setNonce(nonce: number): void {
    this.#nonce = nonce;
  }

  /** @throws Error when all numbers are used up */
  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    if (this.#key === null) return plaintext;
    const ciphertext = this.#suite.aead.seal(this.#key, this.#nonceBytes(), ad, plaintext);
    this.#nonce += 1;
    return ciphertext;
  }

  /** Null for what was not encrypted like this; the number is not used up then. */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | null {
    if (this.#key === null) return ciphertext;
    const plaintext = this.#suite.aead.open(this.#key, this.#nonceBytes(), ad, ciphertext);
    if (plaintext !== null) this.#nonce += 1;
    return plaintext;
  }

  #nonceBytes(): Uint8Array {
    // Far below the 2⁶⁴ − 1 of the specification, and where numbers of the language end.
    if (this.#nonce >= Number.MAX_SAFE_INTEGER) throw new Error('A Noise cipher state is used up.');
    const bytes = new Uint8Array(AEAD_NONCE_BYTES);
    new DataView(bytes.buffer).setBigUint64(4, BigInt(this.#nonce), this.#suite.nonceIsLittleEndian);
    return bytes;
  }
}
