import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Reassembly } from './fragments.ts';
import { writeSafeInteger, type ParsedHeader } from './frame-header.ts';
import { ReplayWindow } from './replay-window.ts';

/**
 * Frames under one key, numbered from 0: AES-256-GCM with the number as nonce (32 zero bits, then 64 bits big-endian, as
 * Noise §12.4 has it) and the header as associated data. A receiver takes each number once.
 */

export const SEAL_TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** Long before a key wears out (NIST SP 800-38D bounds what is sealed under one) another one is there. */
export const FRAMES_MAX = 2 ** 32;

/** The sender's end. */
export class SealingStream {
  readonly #key: Uint8Array;
  #next = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  get isUsedUp(): boolean {
    return this.#next >= FRAMES_MAX;
  }

  /** The number of the next frame, which its header has to bear. */
  get next(): number {
    return this.#next;
  }

  /** Uses up the next number. @returns header, ciphertext and tag */
  seal(header: Buffer, piece: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#next));
    this.#next += 1;
    cipher.setAAD(header);
    const body = cipher.update(piece);
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag()]);
  }
}

export type StreamOutcome = { readonly piece: Uint8Array } | { readonly refused: 'replayed' | 'stale' | 'forged' };

/** The receiver's end. */
export class OpeningStream {
  readonly #key: Uint8Array;
  readonly #window = new ReplayWindow();
  readonly #reassembly = new Reassembly();

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @param frame without what follows its tag */
  open(frame: Buffer, header: ParsedHeader): StreamOutcome {
    const freshness = this.#window.check(header.counter);
    if (freshness !== 'fresh') return { refused: freshness };
    const piece = this.#decrypt(frame, header);
    if (piece === undefined) return { refused: 'forged' };
    this.#window.accept(header.counter);
    return { piece };
  }

  /** The payload once all its pieces are there, and how many others were given up. */
  assemble(header: ParsedHeader, piece: Uint8Array): { payload: Uint8Array | undefined; abandoned: number } {
    const payload = this.#reassembly.add(header, piece);
    return { payload, abandoned: this.#reassembly.takeAbandoned() };
  }

  #decrypt(frame: Buffer, { headerBytes, counter }: ParsedHeader): Uint8Array | undefined {
    const bodyEnd = frame.length - SEAL_TAG_BYTES;
    if (bodyEnd < headerBytes) return undefined;
    const nonce = nonceOf(counter);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: SEAL_TAG_BYTES });
    decipher.setAAD(frame.subarray(0, headerBytes));
    decipher.setAuthTag(frame.subarray(bodyEnd));
    const plain = decipher.update(frame.subarray(headerBytes, bodyEnd));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
  }
}

function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  writeSafeInteger(nonce, counter, NONCE_BYTES - 8);
  return nonce;
}
