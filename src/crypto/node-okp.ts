import { createPrivateKey, createPublicKey } from 'node:crypto';
import { assertLength } from './bytes.ts';
import type { KeyObject } from 'node:crypto';

/**
 * Raw 32-byte keys as Node's key objects and back, by way of JSON Web Keys (RFC 8037): reading these takes a few
 * microseconds, reading DER takes hundreds.
 */
type Curve = 'Ed25519' | 'X25519';

/** @throws Error for another length than 32 */
export function privateKeyObject(crv: Curve, secretKey: Uint8Array): KeyObject {
  assertLength(secretKey, 32, `The secret key for ${crv}`);
  // RFC 8037 asks for `x` beside `d`; Node derives it from `d` and does not look at the one that is given.
  return createPrivateKey({ key: { kty: 'OKP', crv, d: base64url(secretKey), x: '' }, format: 'jwk' });
}

export function publicKeyObject(crv: Curve, publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: base64url(publicKey) }, format: 'jwk' });
}

export function publicKeyOf(crv: Curve, secretKey: Uint8Array): Uint8Array {
  const { x } = createPublicKey(privateKeyObject(crv, secretKey)).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x!, 'base64url'));
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
