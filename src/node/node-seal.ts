import { createHmac } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { labelled } from '../protocol/labelled.ts';
import type { ClusterSecret } from './cluster-secret.ts';
import type { NodeSeal } from './ports.ts';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/**
 * XChaCha20-Poly1305 under a key that all nodes derive from the cluster's secret. The nonce is HMAC-SHA-256 over
 * context and plaintext under a second key, so that the same bytes give the same sealed bytes: a command that is
 * repeated by another node stays the same command.
 */
export class DerivedSeal implements NodeSeal {
  readonly #key: Uint8Array;
  readonly #nonceKey: Uint8Array;

  constructor(secret: Pick<ClusterSecret, 'derive'>) {
    this.#key = secret.derive('node-seal');
    this.#nonceKey = secret.derive('node-seal-nonce');
  }

  seal(context: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.#nonceKey)
      .update(labelled('node-seal', context, plaintext))
      .digest();
    const nonce = new Uint8Array(mac.subarray(0, NONCE_BYTES));
    return Buffer.concat([nonce, xchacha20poly1305(this.#key, nonce, context).encrypt(plaintext)]);
  }

  open(context: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    try {
      return xchacha20poly1305(this.#key, nonce, context).decrypt(sealed.subarray(NONCE_BYTES));
    } catch {
      return null;
    }
  }
}
