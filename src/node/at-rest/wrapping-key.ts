import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { ParleyError } from '../../protocol/errors.ts';

const KEY_BYTES = 32;
const ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OPTIONS = { authTagLength: TAG_BYTES };

/**
 * The key that wraps the data keys of a directory, and nothing else. It is kept outside of that directory: whoever has
 * the disk, but not this key, can read none of it.
 *
 * Two keys are derived from it (HKDF-SHA256, RFC 5869): one wraps (AES-256-GCM, random nonces; a few writes a day), the
 * other is its name, which tells a wrong key from a damaged file.
 */
export class WrappingKey {
  /** 16 hex digits that say which key this is, and nothing about it. */
  readonly id: string;
  readonly #key: KeyObject;

  /** @param secret 32 random bytes */
  constructor(secret: Uint8Array) {
    this.id = Buffer.from(hkdfSync('sha256', secret, EMPTY, 'parley/v1/wrapping-key-id', ID_BYTES)).toString('hex');
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, EMPTY, 'parley/v1/wrapping-key', KEY_BYTES)));
  }

  /**
   * @param where for people: where the text comes from
   * @throws ParleyError `usage` unless it is 64 hex digits; the text itself is never repeated
   */
  static parse(text: string, where: string): WrappingKey {
    const digits = text.trim();
    if (!/^[0-9a-f]{64}$/i.test(digits)) {
      throw new ParleyError('usage', `The wrapping key ${where} is not 64 hex digits (32 random bytes).`);
    }
    return new WrappingKey(Buffer.from(digits, 'hex'));
  }

  /** A new one, as `parse` reads it. */
  static generateText(): string {
    return `${randomBytes(KEY_BYTES).toString('hex')}\n`;
  }

  /** @param purpose what is wrapped: it is unwrapped as nothing else */
  wrap(purpose: string, content: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, OPTIONS);
    cipher.setAAD(Buffer.from(purpose));
    return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  }

  /** @returns undefined for what this key did not wrap */
  unwrap(purpose: string, wrapped: Uint8Array): Uint8Array | undefined {
    if (wrapped.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const end = wrapped.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, wrapped.subarray(0, NONCE_BYTES), OPTIONS);
    decipher.setAAD(Buffer.from(purpose));
    decipher.setAuthTag(wrapped.subarray(end));
    const content = decipher.update(wrapped.subarray(NONCE_BYTES, end));
    try {
      decipher.final();
      return content;
    } catch {
      return undefined;
    }
  }
}

const EMPTY = Buffer.alloc(0);
