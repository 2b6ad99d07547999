import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { assertLength } from './bytes.ts';
import type { KeyObject } from 'node:crypto';
import type { X25519Provider } from './x25519.ts';

/** Node's native implementation (OpenSSL). */
export const nodeX25519: X25519Provider = {
  publicKeyOf(secretKey) {
    const der = createPublicKey(privateKeyOf(secretKey)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(der.subarray(SPKI_PREFIX.length));
  },
  agree(secretKey, peerKey) {
    const privateKey = privateKeyOf(secretKey);
    if (peerKey.length !== 32) return null;
    try {
      const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, peerKey]), format: 'der', type: 'spki' });
      const shared = new Uint8Array(diffieHellman({ privateKey, publicKey }));
      return shared.some((byte) => byte !== 0) ? shared : null;
    } catch {
      return null; // OpenSSL refuses an all-zero result by itself
    }
  },
};

/** RFC 8410: the DER in front of the raw keys. */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

function privateKeyOf(secretKey: Uint8Array): KeyObject {
  assertLength(secretKey, 32, 'An X25519 secret key');
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secretKey]), format: 'der', type: 'pkcs8' });
}
