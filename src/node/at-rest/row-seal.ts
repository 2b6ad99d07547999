import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { NONCE_BYTES, NonceSource } from './nonce-source.ts';

/** What is sealed in a directory; each part has keys of its own, so that nothing of one passes for a row of another. */
export type SealedPart = 'log' | 'state' | 'mark' | 'blobs' | 'files';

const ALGORITHM = 'aes-256-gcm';
const GENERATION_BYTES = 4;
const TAG_BYTES = 16;
const HEAD_BYTES = GENERATION_BYTES + NONCE_BYTES;
const OPTIONS = { authTagLength: TAG_BYTES };

/** What a seal adds to a row. */
export const SEAL_BYTES = HEAD_BYTES + TAG_BYTES;

/** The keys of one part of a directory, by their generation. */
export interface SealKeys {
  /** For the next row: each row that is sealed is counted. */
  take(): { readonly generation: number; readonly key: KeyObject };
  /** Undefined for a generation that never was, or is gone. */
  of(generation: number): KeyObject | undefined;
}

/**
 * Seals rows by AES-256-GCM (NIST SP 800-38D) as
 *
 *     generation u32, nonce (12 bytes), ciphertext, tag (16 bytes)
 *
 * with the name under which a row is stored as associated data, so that a row that was altered, cut, or put under
 * another name does not open. Nonces are random: a key is replaced after 2³⁰ rows (`DataKeys`), up to where two equal
 * ones are less likely than 2⁻³⁶.
 */
export class RowSeal {
  readonly #keys: SealKeys;
  readonly #nonces = new NonceSource();

  constructor(keys: SealKeys) {
    this.#keys = keys;
  }

  /** @param name in ASCII */
  seal(name: string, content: Uint8Array): Buffer {
    const { generation, key } = this.#keys.take();
    const sealed = Buffer.allocUnsafe(SEAL_BYTES + content.length);
    sealed.writeUInt32BE(generation, 0);
    this.#nonces.write(sealed, GENERATION_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, sealed.subarray(GENERATION_BYTES, HEAD_BYTES), OPTIONS);
    cipher.setAAD(Buffer.from(name, 'latin1'));
    sealed.set(cipher.update(content), HEAD_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), HEAD_BYTES + content.length);
    return sealed;
  }

  /** @returns undefined for what was not sealed under this name by one of the keys there are */
  open(name: string, sealed: Uint8Array): Buffer | undefined {
    const end = sealed.length - TAG_BYTES;
    const key = end < HEAD_BYTES ? undefined : this.#keys.of(generationOf(sealed));
    if (key === undefined) return undefined;
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(GENERATION_BYTES, HEAD_BYTES), OPTIONS);
    decipher.setAAD(Buffer.from(name, 'latin1'));
    decipher.setAuthTag(sealed.subarray(end));
    const content = decipher.update(sealed.subarray(HEAD_BYTES, end));
    try {
      decipher.final();
      return content;
    } catch {
      return undefined;
    }
  }
}

/** Under which generation of the keys a row says that it was sealed; what that is worth, opening it tells. */
export function generationOf(sealed: Uint8Array): number {
  return ((sealed[0]! << 24) | (sealed[1]! << 16) | (sealed[2]! << 8) | sealed[3]!) >>> 0;
}
