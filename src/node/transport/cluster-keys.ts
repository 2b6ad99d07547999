import { strict as assert } from 'node:assert';
import { hkdfSync } from 'node:crypto';
import type { NodeName } from '../../protocol/ids.ts';

/**
 * Everything the transport derives from the cluster secret (HKDF-SHA256, RFC 5869). Each purpose has its own label;
 * NUL separates the parts, which no label, name or number contains. What nodes say to each other is sealed with none of
 * these: they let a node introduce its keys, and onto the cluster's NATS.
 */

export const SECRET_BYTES_MIN = 16;
export const TAG_BYTES = 8;
/** Receiver of a frame for everybody. Not a node name, so it cannot collide with one. */
export const EVERYBODY = '*';

export class ClusterKeys {
  readonly #secret: Uint8Array;
  /** Names the cluster on the wire before it has an id, without saying anything about the secret. */
  readonly tag: Uint8Array;
  readonly tagHex: string;
  /** Authenticates introductions (HMAC-SHA256). */
  readonly introductionKey: Uint8Array;

  constructor(secret: Uint8Array) {
    assert(secret.length >= SECRET_BYTES_MIN, 'the cluster secret is too short');
    this.#secret = Uint8Array.from(secret);
    this.tag = this.#derive(['cluster-tag'], TAG_BYTES);
    this.tagHex = Buffer.from(this.tag).toString('hex');
    this.introductionKey = this.#derive(['node-introduction'], 32);
  }

  /** Ed25519 seed a node's NATS user logs in with. */
  userSeed(node: NodeName): Uint8Array {
    return this.#derive(['nats-user', node], 32);
  }

  /** Password that nats-servers of this cluster show each other. */
  routePassword(): string {
    return Buffer.from(this.#derive(['nats-route'], 32)).toString('base64url');
  }

  #derive(parts: readonly string[], lengthBytes: number): Uint8Array {
    const info = ['parley/v1', ...parts].join('\0');
    return new Uint8Array(hkdfSync('sha256', this.#secret, new Uint8Array(0), info, lengthBytes));
  }
}
