import { HASH_BYTES } from '../../hkdf.ts';
import { pskLabel } from '../psk.ts';
import { expandWithLabel } from './labelled-crypto.ts';
import type { PreSharedKeyId } from '../psk.ts';
import type { MemberSuite } from './primitives.ts';

const ZERO = new Uint8Array(HASH_BYTES);

export interface PreSharedKey {
  readonly id: PreSharedKeyId;
  readonly secret: Uint8Array;
}

/** `psk_secret` (RFC 9420 section 8.4) of the keys in the order of their proposals; all zero without any. */
export function pskSecret(suite: Pick<MemberSuite, 'hkdf'>, psks: readonly PreSharedKey[]): Uint8Array {
  return psks.reduce<Uint8Array>((secret, psk, index) => {
    const extracted = suite.hkdf.extract(ZERO, psk.secret);
    const context = pskLabel(psk.id, index, psks.length);
    return suite.hkdf.extract(expandWithLabel(suite, extracted, { label: 'derived psk', context }), secret);
  }, ZERO);
}
