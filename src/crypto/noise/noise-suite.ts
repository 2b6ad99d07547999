import { nobleAes256Gcm, nobleChaCha20Poly1305 } from '../aead.ts';
import { nobleHkdf } from '../hkdf.ts';
import { nobleX25519 } from '../x25519.ts';
import type { Aead } from '../aead.ts';
import type { HkdfSha256 } from '../hkdf.ts';
import type { X25519Provider } from '../x25519.ts';

/** The functions that a Noise protocol is put together from (Noise, revision 34, §4 and §12): 25519, SHA256, a cipher. */
export interface NoiseSuite {
  /** As in a protocol's name, behind its pattern. */
  readonly name: string;
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  readonly x25519: X25519Provider;
  /** §12.3, §12.4: 32 zero bits, then the counter in the cipher's byte order. */
  readonly nonceIsLittleEndian: boolean;
}

type Primitives = Pick<NoiseSuite, 'aead' | 'hkdf' | 'x25519'>;

export const aesGcmSuite = (primitives: Primitives): NoiseSuite => ({
  ...primitives,
  name: '25519_AESGCM_SHA256',
  nonceIsLittleEndian: false,
});

export const chaChaPolySuite = (primitives: Primitives): NoiseSuite => ({
  ...primitives,
  name: '25519_ChaChaPoly_SHA256',
  nonceIsLittleEndian: true,
});

const noble = { hkdf: nobleHkdf, x25519: nobleX25519 };
export const nobleAesGcmSuite = aesGcmSuite({ ...noble, aead: nobleAes256Gcm });
export const nobleChaChaPolySuite = chaChaPolySuite({ ...noble, aead: nobleChaCha20Poly1305 });
