import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { assertLength } from './bytes.ts';
import { isSignatureCandidate } from './ed25519-rule.ts';
import type { KeyObject } from 'node:crypto';
import type { Ed25519Provider } from './ed25519.ts';

/** Node's native implementation (OpenSSL): the cofactorless equation by bytes, behind the checks of the rule. */
export const nodeEd25519: Ed25519Provider = {
  publicKeyOf(secretKey) {
    const der = createPublicKey(privateKeyOf(secretKey)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(der.subarray(SPKI_PREFIX.length));
  },
  sign(secretKey, message) {
    return new Uint8Array(sign(null, message, privateKeyOf(secretKey)));
  },
  verify({ publicKey, message, signature }) {
    if (!isSignatureCandidate(publicKey, signature)) return false;
    const der = Buffer.concat([SPKI_PREFIX, publicKey]);
    try {
      return verify(null, message, { key: der, format: 'der', type: 'spki' }, signature);
    } catch {
      return false; // not a point of the curve
    }
  },
};

/** RFC 8410: the DER in front of the raw keys. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKeyOf(secretKey: Uint8Array): KeyObject {
  assertLength(secretKey, 32, 'An Ed25519 secret key');
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secretKey]), format: 'der', type: 'pkcs8' });
}
