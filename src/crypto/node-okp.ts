import { createPrivateKey, createPublicKey } from 'node:crypto';
import { assertLength, equalBytes } from './bytes.ts';
import type { KeyObject } from 'node:crypto';

/**
 * Raw 32-byte keys as Node's key objects and back, by way of JSON Web Keys (RFC 8037): reading these takes a few
 * microseconds, reading DER takes hundreds.
 */
type Curve = 'Ed25519' | 'X25519';

/** Reading a key takes as long as signing with it, and most keys are used again and again. */
class KeyCache {
  readonly #known = new WeakMap<Uint8Array, { readonly bytes: Uint8Array; readonly key: KeyObject }>();

  /** By the array that holds the key, as long as its bytes are the same. */
  get(holder: Uint8Array, read: () => KeyObject): KeyObject {
    const known = this.#known.get(holder);
    if (known !== undefined && equalBytes(known.bytes, holder)) return known.key;
    const key = read();
    this.#known.set(holder, { bytes: Uint8Array.from(holder), key });
    return key;
  }
}

const signingKeys = new KeyCache();
const verifyingKeys = new KeyCache();

/** For signing with Ed25519. @throws Error for another length than 32 */
export function signingKeyObject(secretKey: Uint8Array): KeyObject {
  return signingKeys.get(secretKey, () => privateKeyObject('Ed25519', secretKey));
}

/** For verifying with Ed25519. @throws Error for what is not a key */
export function verifyingKeyObject(publicKey: Uint8Array): KeyObject {
  return verifyingKeys.get(publicKey, () => publicKeyObject('Ed25519', publicKey));
}

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
