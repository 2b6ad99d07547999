import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ParleyError } from '../protocol/errors.ts';
import type { NodeName } from '../protocol/ids.ts';

const SECRET_BYTES_MIN = 32;

/**
 * What every node of a cluster shares from the start. It authenticates nodes to each other until the membership
 * lists their own keys, and everything else that all nodes must agree on is derived from it.
 */
export class ClusterSecret {
  readonly #secret: Buffer;

  constructor(secret: Uint8Array) {
    this.#secret = Buffer.from(secret);
  }

  /** @throws ParleyError `usage` when the file cannot be read or holds too little */
  static read(file: string): ClusterSecret {
    let text: string;
    try {
      text = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw new ParleyError('usage', `The cluster secret file ${file} cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
    const secret = /^[0-9a-f]+$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'utf8');
    if (secret.length < SECRET_BYTES_MIN) {
      throw new ParleyError(
        'usage',
        `The cluster secret in ${file} is too short: 32 random bytes as hex are expected.`,
      );
    }
    return new ClusterSecret(secret);
  }

  /** HKDF-SHA256 (RFC 5869) with the purpose as info; 32 bytes. */
  derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#secret, Buffer.alloc(0), `parley/v1/${purpose}`, 32));
  }

  /** The local admin credential of a node: whoever can read the node's data directory may administer the cluster. */
  adminToken(node: NodeName): string {
    const mac = createHmac('sha256', this.derive('admin-token')).update(node).digest('base64url');
    return `admin.${node}.${mac}`;
  }

  /** Whether the token is the admin token of any of these nodes. Constant time for tokens of the right form. */
  isAdminToken(token: string): boolean {
    const [prefix, node, mac] = token.split('.');
    if (prefix !== 'admin' || node === undefined || mac === undefined) return false;
    const expected = Buffer.from(this.adminToken(node as NodeName));
    const given = Buffer.from(token);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }
}
