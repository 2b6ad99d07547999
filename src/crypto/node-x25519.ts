import { diffieHellman } from 'node:crypto';
import { privateKeyObject, publicKeyObject, publicKeyOf } from './node-okp.ts';
import type { X25519Provider } from './x25519.ts';

/** Node's native implementation (OpenSSL). */
export const nodeX25519: X25519Provider = {
  publicKeyOf: (secretKey) => publicKeyOf('X25519', secretKey),
  agree(secretKey, peerKey) {
    const privateKey = privateKeyObject('X25519', secretKey);
    if (peerKey.length !== 32) return null;
    try {
      const shared = new Uint8Array(diffieHellman({ privateKey, publicKey: publicKeyObject('X25519', peerKey) }));
      return shared.some((byte) => byte !== 0) ? shared : null;
    } catch {
      return null; // OpenSSL refuses an all-zero result by itself
    }
  },
};
