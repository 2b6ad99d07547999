import { sign, verify } from 'node:crypto';
import { isSignatureCandidate } from './ed25519-rule.ts';
import { publicKeyOf, signingKeyObject, verifyingKeyObject } from './node-okp.ts';
import type { Ed25519Provider } from './ed25519.ts';

/** Node's native implementation (OpenSSL): the cofactorless equation by bytes, behind the checks of the rule. */
export const nodeEd25519: Ed25519Provider = {
  publicKeyOf: (secretKey) => publicKeyOf('Ed25519', secretKey),
  sign: (secretKey, message) => new Uint8Array(sign(null, message, signingKeyObject(secretKey))),
  verify({ publicKey, message, signature }) {
    if (!isSignatureCandidate(publicKey, signature)) return false;
    try {
      return verify(null, message, verifyingKeyObject(publicKey), signature);
    } catch {
      return false; // not a point of the curve
    }
  },
};
