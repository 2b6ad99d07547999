import { isUsableSealingKey } from './x25519.ts';
import type { KemFacts } from './kem.ts';

/** DHKEM(X25519, HKDF-SHA256); see `dhkem-x25519.ts`. An encapsulation is a public key too. */
export const dhKemX25519Facts: KemFacts = {
  id: 0x0020,
  encapsulatedBytes: 32,
  isUsableKey: isUsableSealingKey,
  isUsableEncapsulation: isUsableSealingKey,
};
