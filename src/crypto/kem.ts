import type { RandomBytes } from './random.ts';

/** Of a key encapsulation mechanism; encoded as it travels. */
export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** What can be said about keys and encapsulations without any secret. */
export interface KemFacts {
  /** RFC 9180 section 7.1. */
  readonly id: number;
  /** Length of an encapsulation, Nenc. */
  readonly encapsulatedBytes: number;
  /**
   * Whether anything can be encrypted to this key: of the right length, canonical, and not of small order. Every
   * honestly made key is; one that is not would stop everybody from encrypting to the group it is in.
   */
  isUsableKey(publicKey: Uint8Array): boolean;
  /** Whether an encapsulation can be opened by whom it is for, as far as everybody can see. */
  isUsableEncapsulation(encapsulated: Uint8Array): boolean;
}

/** RFC 9180 section 4, without authentication of the sender. Every provider gives the same results (tested). */
export interface Kem extends KemFacts {
  /** Length of a secret key, Nsk: as many random bytes make a key pair. */
  readonly secretKeyBytes: number;
  /** How many random bytes one encapsulation takes. */
  readonly randomBytes: number;
  keyPairOf(secretKey: Uint8Array): KemKeyPair;
  /** DeriveKeyPair. @param ikm at least 32 bytes of secret */
  deriveKeyPair(ikm: Uint8Array): KemKeyPair;
  /**
   * @param randomness fresh for this call alone
   * @returns null when nothing can be encrypted to the key
   */
  encapsulate(
    publicKey: Uint8Array,
    randomness: Uint8Array,
  ): { readonly encapsulated: Uint8Array; readonly sharedSecret: Uint8Array } | null;
  /** 32 bytes; null for what is no encapsulation. */
  decapsulate(receiver: KemKeyPair, encapsulated: Uint8Array): Uint8Array | null;
}

export function generateKemKeyPair(kem: Kem, random: RandomBytes): KemKeyPair {
  return kem.keyPairOf(random(kem.secretKeyBytes));
}
